import { randomInt } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { seededRandom } from '../../src/emulator/data/random.ts'
import { figure, fullSize } from '../figures/figure.ts'
import { differences } from '../journeys/truth.ts'
import { ended, startMove, startSync } from '../journeys/work.ts'
import { openWorld, postgresPid, until, type World } from '../journeys/world.ts'
import { chooseSeed } from './support.ts'

/** How long trouble is made; PATCHBAY_CHAOS_SECONDS makes more of it. */
const seconds = Number(process.env.PATCHBAY_CHAOS_SECONDS ?? (fullSize ? 120 : 25))
/** People of whom each transaction takes some; few, so that transactions meet. */
const shared = 40
let world: World
let tenantId: number
let keys: string[]

beforeAll(async () => {
  world = await openWorld(120)
  await world.serve('api')
  await world.serve('worker')
  tenantId = await world.attach('Contoso', { userPageSize: 20 })
  await ended(world, 'sync', await startSync(world, tenantId), 60_000)
  const { users } = await world.microsoft.snapshot()
  keys = users.slice(0, shared).map(({ id }) => String(id))
}, 120_000)
afterAll(() => world.close())

interface Asked {
  id: number
  department: string
  keys: string[]
}

// Fails when a step is marked done without a look, when a write is not fenced, or when an undone
// transaction leaves something behind.
it(`A6: whatever dies and fails for ${seconds} s: acknowledged is visible, undone is as before`, async () => {
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

  const over = performance.now() + seconds * 1_000
  const asked: Asked[] = []
  await Promise.all([ask(asked, random, over), kill(random, over), restartDatabase(random, over)])
  await world.microsoft.clearFaults()
  while (world.living().length < 2) await world.serve('worker')
  const results = []
  for (const one of asked) {
    results.push({ ...one, ...(await ended(world, 'transaction', one.id, 90_000)) })
  }
  const sync = await until('a last sync', 60_000, () =>
    startSync(world, tenantId, true).catch(() => undefined),
  )
  await ended(world, 'sync', sync, 60_000)

  const violations = [...(await historyFaults(results, before)), ...(await differences(world))]
  const counted = Object.entries(Object.groupBy(results, ({ state }) => String(state)))
  console.info(counted.map(([state, all]) => `${all?.length} ${state}`).join(', '))
  expect(violations).toEqual([])
  expect(asked.length).toBeGreaterThan(3)
  figure('s of trouble', seconds, '>= 25')
  figure('transactions under chaos', asked.length, '>= 4')
  figure('violations', violations.length, '= 0')
}, 600_000)

/** Transactions one after the other, some at the same time, each with a department of its own. */
async function ask(asked: Asked[], random: () => number, over: number): Promise<void> {
  while (performance.now() < over) {
    const from = Math.floor(random() * (shared - 4))
    const department = `Department ${asked.length + 1}`
    const some = keys.slice(from, from + 4)
    // Not acknowledged when the database is away; then it was not begun either.
    const id = await startMove(world, tenantId, some, department).catch(() => undefined)
    if (id !== undefined) asked.push({ id, department, keys: some })
    if (random() < 0.2) await startSync(world, tenantId, random() < 0.5).catch(() => undefined)
    await wait(300 + random() * 500)
  }
}

/** Every few seconds the worker is killed, and another takes its place. */
async function kill(random: () => number, over: number): Promise<void> {
  while (performance.now() < over) {
    await wait(3_000 + random() * 3_000)
    const [, worker] = world.living()
    await Promise.all([worker?.end('SIGKILL'), world.serve('worker').catch(() => undefined)])
  }
}

async function restartDatabase(random: () => number, over: number): Promise<void> {
  while (performance.now() < over) {
    await wait(6_000 + random() * 4_000)
    const pid = await postgresPid(world.dataDir)
    // Whoever watches starts it again.
    if (pid !== undefined) process.kill(pid, 'SIGKILL')
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
