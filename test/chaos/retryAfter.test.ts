import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { Clock } from '../../src/core/clock.ts'
import { limits } from '../../src/core/limits.ts'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { disagreements, outcome } from '../engine/observed.ts'
import { startWorld, type World } from '../engine/world.ts'
import { systemClock } from '../store/testing.ts'

/** Waiting is noted and skipped: of 10^9 seconds, and of the hours behind a date. */
let skippedMs = 0
let waits: number[] = []
const clock: Clock = {
  now: () => systemClock.now() + skippedMs,
  sleep: async (ms, signal) => {
    waits.push(ms)
    skippedMs += ms
    await systemClock.sleep(1, signal)
  },
}

let world: World

beforeAll(async () => {
  world = await startWorld({ users: 120, groups: 4, seed: 29 }, { clock })
  world.settings.pageSize = 40
})
afterEach(() => world.control.clearFaults())
afterAll(() => world.close())

const refusals = 6
/** Of the time a date or a number of seconds names, little may be lost to rounding. */
const slackMs = 1_500
const dateIn = (ms: number) => new Date(clock.now() + ms).toUTCString()

/** What is sent, and how long at least and at most one refusal is waited for. */
const forms: readonly [string, () => string | null, number, number][] = [
  ['seconds', () => '7', 7_000, 7_000 + slackMs],
  ['seconds with a fraction, as Graph sends them', () => '2.128', 2_128, 2_128 + slackMs],
  ['a date', () => dateIn(30_000), 30_000 - slackMs, 30_000 + slackMs],
  ['a date that has passed', () => dateIn(-3_600_000), 100, limits.backoffMaxMs],
  ['nothing', () => null, 100, limits.backoffMaxMs],
  ['0', () => '0', 100, limits.backoffMaxMs],
  ['a negative number', () => '-120', 100, limits.backoffMaxMs],
  ['10^9', () => '1000000000', limits.retryAfterMaxMs, limits.retryAfterMaxMs + slackMs],
  ['no number', () => 'soon', 100, limits.backoffMaxMs],
  ['almost a number', () => '5 apples', 100, limits.backoffMaxMs],
]

/** As the worker does: again behind each pause, until the sync has ended. */
async function syncThroughPauses(fullList: boolean) {
  const users = world.models.filter(({ id }) => /MSOLUser|Groups$/.test(id))
  const id = await world.newRun(fullList, users)
  for (let turn = 0; turn < 40; turn += 1) {
    const advance = await advanceSync(world.engine, world.job(id))
    if ('done' in advance) return outcome(world, id)
    await clock.sleep(advance.waitMs)
  }
  return expect.fail('the sync does not end')
}

// Fails when a form is not understood, not bounded, or answered by asking again at once.
it.each(forms)(
  'B2: Retry-After of %s is obeyed and bounded by a sync, which ends',
  async (_, header, least, most) => {
    await world.control.clearCalls()
    const retryAfter = header()
    const path = '/v1.0/(users|groups)'
    await world.control.fault('throttle', { path, retryAfter, count: refusals })
    waits = []
    const run = await syncThroughPauses(true)
    expect(run.state).toBe('succeeded')
    expect(await disagreements(world)).toEqual([])

    const calls = await world.control.calls('&service=graph')
    expect(calls.filter(({ status }) => status === 429)).toHaveLength(refusals)
    // Not one more than the refusals and what a sync needs.
    expect(calls.length).toBeLessThan(refusals + 40)
    expect(Math.max(...waits)).toBeGreaterThanOrEqual(least)
    expect(Math.max(...waits)).toBeLessThanOrEqual(most)
  },
)
