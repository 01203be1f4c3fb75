import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { differences } from './truth.ts'
import {
  ended,
  firstPeople,
  slowDown,
  startMove,
  startSync,
  stepsDone,
  untilPages,
} from './work.ts'
import { logLines, openWorld, type Served, until, type World } from './world.ts'

/** Five times as long as a worker may be silent before it counts as dead. */
const frozenMs = 30_000
/** What a woken worker had under way is over by then. */
const settledMs = 5_000

let world: World
let tenantId: number

beforeAll(async () => {
  world = await openWorld(200)
  await world.serve('api')
  await world.serve('worker')
  tenantId = await world.attach('Contoso', { userPageSize: 10 })
  await ended(world, 'sync', await startSync(world, tenantId), 30_000)
})
afterAll(() => world.close({ cut: true }))

it('A7: a worker frozen in the middle of its work does nothing of it when it wakes', async () => {
  const [, frozen] = world.living()
  await slowDown(world, 150)
  // One person: calls for others would be under way, and come to their end in its log later.
  const keys = await firstPeople(world, tenantId, 1)
  const sync = await startSync(world, tenantId, true)
  await untilPages(world, sync, 3)
  // One write was refused for the moment: it is on record, and about to be tried again.
  const again = { method: 'PATCH', path: `/users/${keys[0]}`, count: 1, retryAfter: '5' }
  await world.microsoft.fault('throttle', again)
  const move = await startMove(world, tenantId, keys, 'Night Watch')
  await until('the first attempt', 20_000, async () => writesTried(frozen) > 0)
  frozen?.child.kill('SIGSTOP')
  const thawsAt = performance.now() + frozenMs
  expect(await stepsDone(world, move)).toBe(0)
  await world.microsoft.clearFaults()
  await slowDown(world, 0)

  const other = await world.serve('worker')
  expect(await ended(world, 'sync', sync, 20_000)).toMatchObject({ state: 'succeeded' })
  expect(await ended(world, 'transaction', move, 20_000)).toMatchObject({ state: 'succeeded' })
  // And taken back at once: what the frozen one is about to write is no longer wanted.
  const { body } = await world.ask('POST', `/v1/transactions/${move}/undo`)
  expect(await ended(world, 'transaction', body.id, 20_000)).toMatchObject({ state: 'succeeded' })
  expect(await differences(world)).toEqual([])

  const before = await lastWrites()
  const truth = await world.microsoft.snapshot()
  const tried = writesTried(frozen)
  await world.microsoft.clearCalls()
  await wait(thawsAt - performance.now())
  // It would soon learn from its heartbeat what happened; without one it must find out by itself.
  const database = await world.connect()
  await database.query('begin; lock table worker in access exclusive mode')
  frozen?.child.kill('SIGCONT')
  await wait(settledMs / 2)
  await database.end()
  await wait(settledMs / 2)
  // Not even tried: a call that is given up on its way may have arrived.
  expect(writesTried(frozen)).toBe(tried)
  expect(await world.microsoft.calls('&writes=true')).toEqual([])
  expect(await world.microsoft.snapshot()).toEqual(truth)
  expect(await lastWrites()).toEqual(before)
  const told = logLines(frozen?.log() ?? '').map(({ msg }) => msg)
  expect(told).toContain('others took this worker for dead; it begins anew')

  // It is as good as before: alone, it does what comes next.
  await other.end()
  await slowDown(world, 50)
  const next = await startSync(world, tenantId, true)
  await untilPages(world, next, 3)
  expect(await world.workerOf('sync', next)).toBe(frozen)
  expect(await ended(world, 'sync', next, 20_000)).toMatchObject({ state: 'succeeded' })
}, 90_000)

function writesTried(worker: Served | undefined): number {
  return logLines(worker?.log() ?? '').filter(({ operation }) => operation === 'PATCH users/{}')
    .length
}

/** By table, the transaction that wrote last; the heartbeats of workers are not their work. */
async function lastWrites(): Promise<Record<string, string | null>> {
  const tables = await world.query<{ name: string }>(
    `select table_name as name from information_schema.tables
      where table_schema = 'patchbay' and table_type = 'BASE TABLE' and table_name <> 'worker'`,
  )
  const found: Record<string, string | null> = {}
  for (const { name } of tables) {
    const [row] = await world.query<{ xmin: string | null }>(
      `select max(xmin::text::bigint)::text as xmin from "${name}"`,
    )
    found[name] = row?.xmin ?? null
  }
  return found
}
