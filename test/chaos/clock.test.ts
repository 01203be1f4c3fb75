import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Clock } from '../../src/core/clock.ts'
import { limits } from '../../src/core/limits.ts'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { advanceTransaction } from '../../src/engine/transaction/advanceTransaction.ts'
import { disagreements } from '../engine/observed.ts'
import { personAt, queueSteps, readBack, users } from '../engine/transactionCases.ts'
import { withWires } from '../engine/wires.ts'
import { startWorld, type World } from '../engine/world.ts'
import { openBrowser, signIn } from '../server/browser.ts'
import { startTestPatchbay } from '../server/patchbay.ts'
import { openPeople } from '../server/people.ts'
import { systemClock } from '../store/testing.ts'
import { negativeDurations } from './durations.ts'
import { sync } from './support.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
let world: World
/** The superuser, who sees every row, and sets times as another clock of theirs would have. */
let owner: pg.Client
/** How far our clock is from that of the emulated Microsoft. */
let offset: number
/** How far it goes back whenever somebody looks at it. */
let backEach: number

const clock: Clock = {
  now: () => {
    offset -= backEach
    return systemClock.now() + offset
  },
  sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 10), signal),
}

beforeAll(async () => {
  offset = 0
  backEach = 0
  world = await startWorld({ users: 100, groups: 4, seed: 28 }, { clock })
  world.settings.pageSize = 20
  owner = new pg.Client({ connectionString: world.databaseUrl.reveal() })
  await owner.connect()
})
beforeEach(async () => {
  offset = 0
  backEach = 0
  world.callLog.length = 0
  await world.control.clearCalls()
})
afterAll(async () => {
  await owner.end()
  await world.close()
})

const signIns = async () => (await world.control.calls('&service=login')).length

/** `meanwhile` is done in the middle of the list. */
async function succeeds(meanwhile: () => unknown = () => {}): Promise<void> {
  let pages = 0
  const run = await sync(world, true, async (noun) => {
    if (noun === 'user' && ++pages === 3) await meanwhile()
  })
  expect(run.state).toBe('succeeded')
  expect(await disagreements(world)).toEqual([])
  expect(await negativeDurations(owner)).toEqual([])
  expect(world.callLog.length).toBeGreaterThan(0)
  expect(world.callLog.filter(({ milliseconds }) => milliseconds < 0)).toEqual([])
}

// Fails when a token is renewed whenever the clock seems odd, or a renewal is asked for per call.
it.each([
  ['five minutes slow', -5 * minute],
  ['five minutes fast', 5 * minute],
])('A10: a clock that is %s: no storm of sign-ins', async (_, by) => {
  offset = by
  await succeeds()
  await succeeds()
  expect(await signIns()).toBeLessThanOrEqual(1)
})

it.each([
  ['an hour back, as by hand', -hour],
  ['an hour on, as at the end of a daylight saving that was local time', hour],
  ['to the leap day two years on', Date.UTC(2028, 1, 29) - Date.now()],
  ['back to 1970', -Date.now() + minute],
])('A10: a clock that jumps %s in the middle of a sync', async (_, jump) => {
  const leap = () => {
    offset += jump
  }
  await succeeds()
  await succeeds(leap)
  await succeeds()
  expect(await signIns()).toBeLessThanOrEqual(3)
})

// Fails when a lane takes what is left of a pause from the clock without a bound.
it('A10: a pause that was asked for does not grow by the hour the clock went back', async () => {
  await world.control.fault('throttle', { path: '/v1.0/users', retryAfter: '300', count: 1 })
  const paused = await sync(world, true)
  expect(paused.advance).toEqual({ waitMs: expect.toSatisfy((ms: number) => ms > 200_000) })
  await world.control.clearFaults()
  offset -= hour
  // The run that waits is the tenant's only one; its turn comes again.
  const again = await advanceSync(world.engine, world.job(paused.id))
  expect('waitMs' in again ? again.waitMs : 0).toBeLessThanOrEqual(limits.retryAfterMaxMs)
  offset += limits.retryAfterMaxMs
  expect(await advanceSync(world.engine, world.job(paused.id))).toEqual({ done: true })
})

// Fails when what a call took is the difference of two looks at the clock, whatever it is.
it('A10: no call lasts less than nothing, though the clock goes back at every look', async () => {
  backEach = minute
  await succeeds()
})

const stamped = { run: true, run_model: false, transaction: true, transaction_step: false }

/** What the database stamped before its clock went back an hour lies an hour ahead of it. */
async function databaseClockGoesBack(): Promise<void> {
  for (const [table, isRequested] of Object.entries(stamped)) {
    const columns = ['started_at', 'ended_at', ...(isRequested ? ['requested_at'] : [])]
    const ahead = columns.map((name) => `${name} = ${name} + interval '1 hour'`)
    await owner.query(`update patchbay.${table} set ${ahead}`)
  }
}

// Fails when a run's end is the database's clock alone.
it("A10: no sync ends before it began, though the database's clock went back", async () => {
  const id = await world.newRun(true)
  await databaseClockGoesBack()
  await advanceSync(world.engine, world.job(id))
  expect(await negativeDurations(owner)).toEqual([])
  await succeeds(databaseClockGoesBack)
})

// Fails when a step's end is the database's clock alone.
it("A10: no transaction or step ends before it began, though the database's clock went back", async () => {
  const person = personAt(await world.control.snapshot(), 0)
  const input = { model: users, key: String(person.id), expect: null }
  const set = { department: 'Tomorrow' }
  const id = await queueSteps(world, [{ kind: 'update', input: { ...input, set } }])
  await databaseClockGoesBack()
  const engine = withWires(world.engine, (wire) => ({
    send: async (...args) => {
      await databaseClockGoesBack()
      return await wire.send(...args)
    },
  }))
  await advanceTransaction(engine, world.job(id))
  const { transaction, steps } = await readBack(world, id)
  expect(transaction?.state).toBe('succeeded')
  expect(steps.map(({ endedAt }) => endedAt)).not.toContain(null)
  expect(await negativeDurations(owner)).toEqual([])
})

// Fails when a request's time is the difference of two looks, a token's beginning is by another
// clock than its end, or what became of it by a clock that was put back.
it('A10: nothing that is served, counted or kept of people lasts less than nothing', async () => {
  const patchbay = await startTestPatchbay({ role: 'api', clock })
  const people = await openPeople(patchbay)
  try {
    const { id: personId, password } = await people.add('anna')
    backEach = minute
    const { client } = people
    await client.node.create({ body: { parentId: 1, kind: 'customer', name: 'Contoso' } })
    const { tenantId = '', clientId = '', clientSecret = '' } = patchbay.emulator.tenants[0] ?? {}
    const graph = { cloud: 'emulator', tenantId, clientId, clientSecret }
    await client.tenant.create({ body: { nodeId: 2, name: 'Contoso', graph } })
    backEach = 0

    const browser = openBrowser(patchbay.url)
    await signIn(browser, 'anna', password)
    offset -= 2 * day
    const script = await client.token.create({ body: { name: 'script', personId, days: 1 } })
    offset -= hour
    await people.clientOf(script.token).session.show()
    await client.token.revoke({ params: { tokenId: script.id } })
    expect((await browser.send('DELETE', '/v1/session')).status).toBe(204)
    expect(await negativeDurations(people.owner)).toEqual([])

    await people.owner.query(
      `insert into worker (id, started_at, seen_at) values ('w', now() + interval '1 hour', now())`,
    )
    const { workers } = await client.job.list()
    expect(workers.map(({ startedAt, seenAt }) => startedAt <= seenAt)).toEqual([true])
    const lasted = patchbay.log.map(({ fields }) => Object(fields).milliseconds)
    expect(lasted.filter((ms) => ms >= 0).length).toBeGreaterThan(5)
    expect(lasted.filter((ms) => ms < 0)).toEqual([])
    const headers = { authorization: `Bearer ${patchbay.token}` }
    const metrics = await (await fetch(`${patchbay.url}/metrics`, { headers })).text()
    expect(metrics).toMatch(/^patchbay_request_seconds_sum/m)
    expect(metrics.match(/^patchbay_\w+_seconds_sum.* -.*$/gm)).toBeNull()
  } finally {
    await people.close()
    await patchbay.close()
  }
})
