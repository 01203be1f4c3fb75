import { randomInt } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { seededRandom } from '../../src/emulator/random.ts'
import type { Snapshot } from '../engine/control.ts'
import { freeFlow, groups, plainGroup } from '../engine/transactionCases.ts'
import { figure, fullSize } from '../figures/figure.ts'
import { differences } from '../journeys/truth.ts'
import { ended, startMove, startSync } from '../journeys/work.ts'
import { openWorld, postgresPid, until, type World } from '../journeys/world.ts'
import { chooseSeed } from './support.ts'

/** How long trouble is made; PATCHBAY_CHAOS_SECONDS makes more of it. */
const seconds = Number(process.env.PATCHBAY_CHAOS_SECONDS ?? (fullSize ? 600 : 15))
/** So many at least, spread over that time. */
const transactions = fullSize ? 1_000 : 15
const syncs = fullSize ? 20 : 1
/** Until a transaction has ended, once nothing fails any more; many may wait before it. */
const endMs = fullSize ? 600_000 : 90_000
const size = `${transactions} transactions, ${syncs} syncs in ${seconds} s`
/** People of whom each transaction takes some; few, so that transactions meet. */
const shared = 40
let world: World
let tenantId: number
let keys: string[]
/** Whom nothing was done to; each transaction takes one of their own, as long as there are any. */
let newcomers: string[]
/** What a newcomer joins. */
let group: string

beforeAll(async () => {
  world = await openWorld(120)
  await world.serve('api')
  await world.serve('worker')
  tenantId = await world.attach('Contoso', { userPageSize: 20 })
  await ended(world, 'sync', await startSync(world, tenantId), 60_000)
  const before = await world.microsoft.snapshot()
  const ids = before.users.map(({ id }) => String(id))
  keys = ids.slice(0, shared)
  group = plainGroup(before)
  const unfit = ids.filter((id) => holdings(before, id) !== 'nothing')
  newcomers = ids.slice(shared).filter((id) => !unfit.includes(id))
}, 120_000)
afterAll(() => world.close({ cut: true }))

interface Asked {
  id: number
  department: string
  keys: string[]
  newcomer: string | undefined
}

// Fails when a step is marked done without a look, when a write is not fenced, or when an undone
// transaction leaves something behind: a department, a membership, a licence.
it(`A5, A6: whatever dies and fails (${size}, in full 1000 and 20 in 600 s): acknowledged is visible, undone is as before`, async () => {
  const random = seededRandom(chooseSeed('history'), 'history')
  const before = await departments()
  for (const [at, status] of [500, 503, 429].entries()) {
    const spec = {
      path: '^/v1.0/',
      probability: 0.07,
      seed: randomInt(1_000) + at,
      retryAfter: '0',
    }
    await world.microsoft.fault(status === 429 ? 'throttle' : 'status', { ...spec, status })
  }
  await world.microsoft.fault('unknown-outcome', { method: 'PATCH', probability: 0.1, seed: 5 })

  const began = performance.now()
  const asked: Asked[] = []
  const synced = new Set<number>()
  // On a busy machine the asking takes longer; there is trouble as long as it lasts.
  const isOver = () =>
    asked.length >= transactions &&
    synced.size >= syncs &&
    performance.now() > began + seconds * 1_000
  const [, workersKilled, databasesKilled] = await Promise.all([
    ask(asked, synced, random, isOver),
    killWorkers(random, isOver),
    killDatabase(random, isOver),
  ])
  const troubled = (performance.now() - began) / 1_000
  await world.microsoft.clearFaults()
  while (world.living().length < 2) await world.serve('worker')
  const results = []
  for (const one of asked) {
    results.push({ ...one, ...(await ended(world, 'transaction', one.id, endMs)) })
  }
  const sync = await until('a last sync', 60_000, () =>
    startSync(world, tenantId, true).catch(() => undefined),
  )
  await ended(world, 'sync', sync, 60_000)
  const unended = await world.query(`select id from run where ended_at is null`)

  const violations = [
    ...(await historyFaults(results, before)),
    ...joiningFaults(results, await world.microsoft.snapshot()),
    ...(await differences(world)),
  ]
  const counted = Object.entries(Object.groupBy(results, ({ state }) => String(state)))
  console.info(counted.map(([state, all]) => `${all?.length} ${state}`).join(', '))
  expect(violations).toEqual([])
  figure('s of trouble', troubled, `>= ${fullSize ? 600 : 15}`)
  figure('transactions under chaos', asked.length, `>= ${transactions}`)
  figure('syncs under chaos', synced.size, `>= ${syncs}`)
  figure('workers killed', workersKilled, `>= ${Math.floor(seconds / 8)}`)
  figure('databases killed', databasesKilled, `>= ${Math.floor(seconds / 15)}`)
  figure('work that did not end', unended.length, '= 0')
  figure('violations', violations.length, '= 0')
}, 1_500_000)

/**
 * Transactions one after the other, some at the same time, each with a department of its own, and
 * a sync among every few of them.
 */
async function ask(
  asked: Asked[],
  synced: Set<number>,
  random: () => number,
  isOver: () => boolean,
): Promise<void> {
  // On average in half of the time, since much of it is spent on waiting for the database.
  const pauseMs = (seconds * 1_000) / transactions
  for (let turn = 0; !isOver(); turn++) {
    const from = Math.floor(random() * (shared - 4))
    const department = `Department ${asked.length + 1}`
    const some = keys.slice(from, from + 4)
    // Not acknowledged when the database is away; then it was not begun either.
    const newcomer = newcomers[turn]
    const more = newcomer === undefined ? [] : joining(newcomer)
    const id = await startMove(world, tenantId, some, department, more).catch(() => undefined)
    if (id !== undefined) asked.push({ id, department, keys: some, newcomer })
    if (turn % Math.ceil(transactions / syncs / 3) === 0) {
      const run = await startSync(world, tenantId, random() < 0.5).catch(() => undefined)
      if (run !== undefined) synced.add(run)
    }
    await wait(random() * pauseMs)
  }
}

function joining(newcomer: string) {
  return [
    { do: 'link' as const, model: groups, ref: group, link: 'member', to: newcomer },
    { do: 'licence' as const, ref: newcomer, add: [{ product: freeFlow.name }] },
  ]
}

/** What somebody has of what joining brings: both, nothing, or what there is of each. */
function holdings({ users, links }: Snapshot, key: string): string {
  const seats = links.filter((line) => line === `member ${group} ${key}`).length
  const held = JSON.stringify(users.find(({ id }) => id === key)?.assignedLicenses ?? [])
  const licences = held.split(freeFlow.skuId).length - 1
  if (seats === licences && seats <= 1) return seats === 1 ? 'both' : 'nothing'
  return `${seats} memberships, ${licences} licences`
}

/** 2 to 5 s after a worker has begun it is killed, and another takes its place. */
async function killWorkers(random: () => number, isOver: () => boolean): Promise<number> {
  for (let killed = 0; ; killed++) {
    await wait(2_000 + random() * 3_000)
    if (isOver()) return killed
    const [, worker] = world.living()
    await Promise.all([worker?.end('SIGKILL'), world.serve('worker').catch(() => undefined)])
  }
}

/** Every 5 to 10 s it lets nobody in for up to 2 s, and is killed. Whoever watches starts it. */
async function killDatabase(random: () => number, isOver: () => boolean): Promise<number> {
  for (let killed = 0; ; ) {
    await wait(5_000 + random() * 5_000)
    if (isOver()) return killed
    const pid = await postgresPid(world.dataDir)
    if (pid === undefined) continue
    process.kill(pid, 'SIGSTOP')
    await wait(random() * 2_000)
    process.kill(pid, 'SIGKILL')
    killed++
  }
}

async function departments(): Promise<Map<string, unknown>> {
  const { users } = await world.microsoft.snapshot()
  return new Map(users.map(({ id, department }) => [String(id), department]))
}

interface Result extends Asked {
  state: string
}

/**
 * What the end at Microsoft must be, whatever came between: everybody has the department of a
 * transaction that succeeded, or of one that got stuck and says so, or the one from before.
 */
async function historyFaults(
  results: readonly Result[],
  before: ReadonlyMap<string, unknown>,
): Promise<string[]> {
  const now = await departments()
  const faults = results
    .filter(({ state }) => !['succeeded', 'undone', 'stuck'].includes(state))
    .map(({ id, state }) => `transaction ${id} ended ${state}`)
  for (const [key, department] of now) {
    const mine = results.filter((result) => result.keys.includes(key))
    const author = mine.find((result) => result.department === department)
    if (author?.state === 'undone') faults.push(`${key} keeps what ${author.id} had undone`)
    if (author === undefined && department !== before.get(key)) faults.push(`${key} is nobody's`)
    const succeeded = mine.filter(({ state }) => state === 'succeeded')
    if (
      author === undefined &&
      succeeded.length > 0 &&
      mine.every(({ state }) => state !== 'stuck')
    )
      faults.push(`${key} has lost ${succeeded.map(({ id }) => id).join(', ')}`)
  }
  return faults
}

/** Who joined has all of it once, and who was taken back nothing; one that got stuck says so. */
function joiningFaults(results: readonly Result[], now: Snapshot): string[] {
  return results.flatMap(({ id, newcomer, state }) => {
    if (newcomer === undefined || state === 'stuck') return []
    const has = holdings(now, newcomer)
    const right = has === (state === 'succeeded' ? 'both' : 'nothing')
    return right ? [] : [`transaction ${id} ended ${state}, and its newcomer has ${has}`]
  })
}
