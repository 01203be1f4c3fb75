import { afterAll, beforeAll, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { disagreements } from '../engine/observed.ts'
import { startWorld, type World } from '../engine/world.ts'
import { chooseSeed, sync } from './support.ts'

/** What Dev Proxy's random error plugin answers Graph's clients with. */
const statuses = [429, 500, 502, 503, 504, 507]
let world: World

beforeAll(async () => {
  world = await startWorld({ users: 10_000, groups: 60, seed: 25 })
  // Many calls: of sixty, chance alone now and then makes more than 2.5 times as many.
  world.settings.pageSize = 100
})
afterAll(() => world.close())

/** Half of all calls, or of the calls in a batch, end with one of the statuses: by the seed. */
async function failHalf(seed: number): Promise<void> {
  for (const [at, status] of statuses.entries()) {
    // The first fault that wants a call gets it; together they befall half of all.
    const probability = 1 / (12 - at)
    const spec = { path: '^/v1.0/(?!.batch)', probability, seed: seed + at, retryAfter: '0.05' }
    if (status === 429) await world.control.fault('throttle', spec)
    else await world.control.fault('status', { ...spec, status })
  }
}

/** How many calls a sync needs; those in a batch count each. */
async function callsOf(fullList: boolean): Promise<number> {
  await world.control.clearCalls()
  const { state, models } = await sync(world, fullList)
  expect({ state, failed: Object.values(models).filter(({ error }) => error) }).toEqual({
    ...{ state: 'succeeded', failed: [] },
  })
  const calls = await world.control.calls('&service=graph')
  // The watch of credentials asks beside it, when it will.
  return calls.filter(({ path }) => !/[$]batch|[/]applications|[/]tenantRelationships/.test(path))
    .length
}

// Fails when a model is not gone on with after its calls' own tries, when a 507 or a 429 ends a
// call, or when pages read before a fault are read once more.
it('B1: 10,000 people are read whole though every other call fails, for 2.5 times the calls', async () => {
  await failHalf(chooseSeed('random faults'))
  const first = await callsOf(false)
  await world.control.mutate('departments', { users: 300 })
  await world.control.mutate('delete-users', { users: 5 })
  await callsOf(false)
  expect(await disagreements(world)).toEqual([])
  await world.control.clearFaults()
  const ideal = await callsOf(true)
  console.info(`${first} calls, without faults ${ideal}`)
  expect(first).toBeLessThanOrEqual(2.5 * ideal)
}, 60_000)

// Fails when what counts is how often a model was stopped, and not that it got on in between.
it('B1: a model is not given up while each attempt brings a page, and is when none does', async () => {
  const { callAttemptsMax, modelBackoffMs } = limits
  const small = await startWorld({ users: 1_000, groups: 1, seed: 26 })
  Object.assign(limits, { callAttemptsMax: 2, modelBackoffMs: 20 })
  try {
    small.settings.pageSize = 100
    const unavailable = { path: '^/v1.0/users[?]', status: 503, retryAfter: '0' }
    const stops = limits.modelAttemptsMax + 3
    for (let page = 1; page <= stops; page++) {
      await small.control.fault('status', { ...unavailable, skip: page, count: 2 })
    }
    const { models } = await sync(small)
    expect(models.MSOLUser).toMatchObject({ phase: 'done', added: 1_000 })
    await small.control.clearFaults()
    await small.control.fault('status', { ...unavailable, skip: 3 })
    await small.control.clearCalls()
    expect((await sync(small, true)).models.MSOLUser).toMatchObject({ phase: 'failed' })
    const asked = (await small.control.calls('&service=graph')).filter(
      ({ status }) => status === 503,
    )
    expect(asked).toHaveLength(2 * limits.modelAttemptsMax)
  } finally {
    Object.assign(limits, { callAttemptsMax, modelBackoffMs })
    await small.close()
  }
})
