import type { Clock } from '../../core/clock.ts'

/** Resource units, refilled as time passes, as the service itself counts them. */
export interface Bucket {
  /** Until `units` are there; 0 when they are. */
  waitMs(units: number): number
  /** May take the level below zero: a call dearer than the bucket delays those behind it. */
  spend(units: number): void
}

export function createBucket(clock: Clock, perSecond: number, burst: number): Bucket {
  let level = burst
  let filledAt = clock.now()

  function fill(): void {
    const now = clock.now()
    // A clock that was set back earns nothing and loses nothing.
    level = Math.min(level + (Math.max(now - filledAt, 0) / 1_000) * perSecond, burst)
    filledAt = now
  }

  return {
    waitMs(units) {
      fill()
      // A call dearer than the whole bucket waits for a full one, not for ever.
      const missing = Math.min(units, burst) - level
      return missing <= 0 ? 0 : Math.ceil((missing / perSecond) * 1_000)
    },
    spend(units) {
      fill()
      level -= units
    },
  }
}
