import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { graphRates } from '../../src/connectors/graph/rates.ts'
import { createLanes } from '../../src/connectors/microsoft/lanes.ts'
import { createPauses, type Pauses } from '../../src/store/pauses.ts'
import { type FreshDatabase, freshDatabase, systemClock } from './testing.ts'

let fresh: FreshDatabase
let open: Pauses[] = []

beforeAll(async () => {
  fresh = await freshDatabase()
})
afterEach(async () => {
  await Promise.all(open.map((pauses) => pauses.close()))
  open = []
  await fresh.db.pool.query('delete from pause')
})
afterAll(() => fresh.close())

function openPauses(): Pauses {
  const pauses = createPauses(fresh.db, systemClock)
  open.push(pauses)
  return pauses
}

/** What one process knows: its lanes, and the database between it and the others. */
async function startProcess() {
  const pauses = openPauses()
  const lanes = createLanes(systemClock, { rates: () => graphRates, announce: pauses.tell })
  await pauses.follow(lanes.hear)
  return {
    take: (tenantId: string) =>
      lanes
        .lane({ clientId: 'app', tenantId, service: 'graph' })
        .take({ units: 1, writes: 0 }, { priority: 'sync', kind: 'GET users' }),
    pausedMs: (tenantId: string) =>
      lanes.lane({ clientId: 'app', tenantId, service: 'graph' }).state().pausedUntil - Date.now(),
  }
}

const refused = { status: 429, latencyMs: 1 }

test('what one process was told holds in another, and in one that starts later', async () => {
  const [first, second] = [await startProcess(), await startProcess()]
  const end = await first.take('a')
  end({ ...refused, retryAfterMs: 30_000 })
  await expect.poll(() => second.pausedMs('a')).toBeGreaterThan(25_000)
  expect(second.pausedMs('a')).toBeLessThanOrEqual(30_100)
  expect(second.pausedMs('b')).toBeLessThan(0)
  const third = await startProcess()
  expect(third.pausedMs('a')).toBeGreaterThan(25_000)
})

test('a pause of the application holds every tenant in every process', async () => {
  const [first, second] = [await startProcess(), await startProcess()]
  const end = await first.take('a')
  end({ ...refused, retryAfterMs: 40_000, everyTenant: true })
  await expect.poll(() => second.pausedMs('b')).toBeGreaterThan(35_000)
})

test('calls in another process go on when the pause is over', async () => {
  const [first, second] = [await startProcess(), await startProcess()]
  const end = await first.take('a')
  const until = Date.now() + 1_500
  end({ ...refused, retryAfterMs: 1_500 })
  await expect.poll(() => second.pausedMs('a')).toBeGreaterThan(0)
  await second.take('a')
  // The database rounds to microseconds, and timers wake a millisecond early at times.
  expect(Date.now()).toBeGreaterThanOrEqual(until - 20)
})

test('a listener that lost its connection hears what it missed', async () => {
  const heard: string[] = []
  const [teller, listener] = [openPauses(), openPauses()]
  await listener.follow((name) => heard.push(name))
  await fresh.db.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'patchbay pauses' and datname = current_database()`,
  )
  teller.tell('graph app missed', Date.now() + 20_000)
  await expect.poll(() => heard, { timeout: 5_000 }).toContain('graph app missed')
})

test('the longer of two pauses counts, and what passed long ago is swept', async () => {
  const teller = openPauses()
  await fresh.db.pool.query(
    `insert into pause values ('old', now() - interval '2 hours'), ('over', now())`,
  )
  teller.tell('graph app a', Date.now() + 60_000)
  teller.tell('graph app a', Date.now() + 10_000)
  await teller.close()
  const { rows } = await fresh.db.pool.query<{ name: string; left: number }>(
    'select name, extract(epoch from until - now())::float8 as left from pause order by name',
  )
  expect(rows.map((row) => row.name)).toEqual(['graph app a', 'over'])
  expect(rows[0]?.left).toBeGreaterThan(50)
  const heard: string[] = []
  await openPauses().follow((name) => heard.push(name))
  expect(heard).toEqual(['graph app a'])
})

test('that the database is away fails nothing', async () => {
  const gone = await freshDatabase()
  const pauses = createPauses(gone.db, systemClock)
  await gone.close()
  pauses.tell('graph app a', Date.now() + 60_000)
  await pauses.follow(() => {})
  await pauses.close()
})
