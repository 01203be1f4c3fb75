import type { Clock } from '../../src/core/clock.ts'

interface Sleeper {
  at: number
  wake: () => void
}

export interface StandingClock extends Clock {
  advance(ms: number): Promise<void>
  /** Sets it, as people do: whoever sleeps sleeps on for as long as before. */
  putBy(ms: number): void
}

/** A clock that stands until it is moved, and wakes whoever is due on the way. */
export function createStandingClock(): StandingClock {
  let now = 1_000_000
  let sleepers: Sleeper[] = []
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const sleeper = { at: now + ms, wake: resolve }
        sleepers.push(sleeper)
        signal?.addEventListener('abort', () => {
          sleepers = sleepers.filter((each) => each !== sleeper)
          reject(signal.reason)
        })
      }),
    putBy(ms) {
      now += ms
      for (const sleeper of sleepers) sleeper.at += ms
    },
    async advance(ms) {
      const until = now + ms
      for (;;) {
        await settle()
        const [next] = sleepers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)
        if (next === undefined) break
        sleepers = sleepers.filter((each) => each !== next)
        now = next.at
        next.wake()
      }
      now = until
      await settle()
    },
  }
}
/** Lets whatever may go on without time passing go on. */
export const settle = () => new Promise((resolve) => setImmediate(resolve))
