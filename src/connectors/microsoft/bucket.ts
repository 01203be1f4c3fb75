import type { Clock } from '../../core/clock.ts'

/** What a service grants as time passes, and how much of it at once after a rest. */
export interface Rate {
  perSecond: number
  burst: number
}

/** A budget, refilled as time passes, as the service itself counts it. */
export interface Bucket {
  /** Until `amount` is there; 0 when it is. */
  waitMs(amount: number): number
  /**
   * May take the level below zero: a call dearer than the bucket delays those behind it. A negative
   * amount gives back.
   */
  spend(amount: number): void
  /** The service says that nothing is left, whatever was counted here. */
  ranOut(): void
}

/**
 * After the service said no, the rate is this much lower, and comes back within a minute: somebody
 * else spends from the same budget (another process, another application), or it is a smaller one
 * than documented (a tenant of 50 users has less than half of a large one's).
 */
const slower = 0.8
const slowest = 0.1
const recoveryPerSecond = 1 / 60
/** Refusals closer together than this are one: calls that were out at the same time. */
const refusalMs = 1_000

export function createBucket(clock: Clock, { perSecond, burst }: Rate): Bucket {
  let level = burst
  let filledAt = clock.now()
  let share = 1
  let ranOutAt = Number.NEGATIVE_INFINITY

  function fill(): void {
    const now = clock.now()
    // A clock that was set back earns nothing and loses nothing.
    const seconds = Math.max(now - filledAt, 0) / 1_000
    level = Math.min(level + seconds * perSecond * share, burst)
    share = Math.min(share + seconds * recoveryPerSecond, 1)
    filledAt = now
  }

  return {
    waitMs(amount) {
      if (amount <= 0) return 0
      fill()
      // A call dearer than the whole bucket waits for a full one, not for ever.
      const missing = Math.min(amount, burst) - level
      return missing <= 0 ? 0 : Math.ceil((missing / (perSecond * share)) * 1_000)
    },
    spend(amount) {
      fill()
      level = Math.min(level - amount, burst)
    },
    ranOut() {
      fill()
      level = Math.min(level, 0)
      if (filledAt - ranOutAt < refusalMs) return
      ranOutAt = filledAt
      share = Math.max(share * slower, slowest)
    },
  }
}
