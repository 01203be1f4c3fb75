import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from '../core/clock.ts'

/** The time of this machine. */
export const systemClock: Clock = {
  now: Date.now,
  sleep: async (ms, signal) => {
    await wait(ms, undefined, signal === undefined ? {} : { signal })
  },
}
