import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Clock } from '../../src/core/clock.ts'
import { limits } from '../../src/core/limits.ts'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { disagreements } from '../engine/observed.ts'
import { startWorld, type World } from '../engine/world.ts'
import { systemClock } from '../store/testing.ts'
import { sync } from './support.ts'

const minute = 60_000
const hour = 60 * minute
let world: World
/** How far our clock is from that of the emulated Microsoft. */
let offset: number

const clock: Clock = {
  now: () => systemClock.now() + offset,
  sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 10), signal),
}

beforeAll(async () => {
  offset = 0
  world = await startWorld({ users: 100, groups: 4, seed: 28 }, { clock })
  world.settings.pageSize = 20
})
beforeEach(async () => {
  offset = 0
  await world.control.clearCalls()
})
afterAll(() => world.close())

const signIns = async () => (await world.control.calls('&service=login')).length

async function succeeds(jump?: number): Promise<void> {
  let pages = 0
  const run = await sync(world, true, async (noun) => {
    if (jump !== undefined && noun === 'user' && ++pages === 3) offset += jump
  })
  expect(run.state).toBe('succeeded')
  expect(await disagreements(world)).toEqual([])
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
  await succeeds()
  await succeeds(jump)
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
})
