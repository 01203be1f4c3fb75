import type { Clock } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { createBucket, type Rate } from './bucket.ts'

/** What a call takes out of the budgets of its service. */
export interface Cost {
  /** Resource units. */
  units: number
  /** How many of its parts change something; writes have a quota of their own. */
  writes: number
}

/** What a service grants: one application in one tenant, or one application altogether. */
export interface Rates {
  units: Rate
  writes: Rate
}

export interface Refusal {
  /** When the refused call went out. */
  began: number
  retryAfterMs: number | undefined
  /** The budget that ran out, where the service says so. */
  short: keyof Cost | undefined
}

/** The budgets of one side, and how long it was told to stay away. */
export interface Allowance {
  /** Until a call of this cost may leave. */
  waitMs(cost: Cost): number
  spend(cost: Cost): void
  /**
   * Spends at once what a call will cost, and answers after how many milliseconds it may leave.
   * Who asks first is first: a place in the line, where `waitMs` only looks.
   */
  reserve(cost: Cost): number
  pausedUntil(): number
  pauseUntil(until: number): void
  refused(refusal: Refusal): void
  /** An answer that was no refusal. */
  answered(): void
}

export function createAllowance(clock: Clock, rates: Rates): Allowance {
  const units = createBucket(clock, rates.units)
  const writes = createBucket(clock, rates.writes)
  let pausedUntil = 0
  let refusals = 0
  let refusedAt = Number.NEGATIVE_INFINITY

  function spend(cost: Cost): void {
    units.spend(cost.units)
    writes.spend(cost.writes)
  }

  function bucketsMs(cost: Cost): number {
    return Math.max(units.waitMs(cost.units), writes.waitMs(cost.writes))
  }

  /** The clock may be put back: what is over stays over, and none is longer than the longest. */
  function paused(): number {
    const now = clock.now()
    if (pausedUntil <= now) pausedUntil = 0
    pausedUntil = Math.min(pausedUntil, now + limits.retryAfterMaxMs)
    return pausedUntil
  }

  function pauseUntil(until: number): void {
    pausedUntil = Math.max(pausedUntil, until)
    paused()
  }

  /** Doubling from refusal to refusal; those that were out together count as one. */
  function fallbackMs(began: number): number {
    if (began > refusedAt) refusals += 1
    refusedAt = clock.now()
    return Math.min(limits.backoffFirstMs * 2 ** (refusals - 1), limits.backoffMaxMs)
  }

  return {
    waitMs: (cost) => Math.max(paused() - clock.now(), bucketsMs(cost)),
    spend,
    reserve(cost) {
      const waitMs = bucketsMs(cost)
      spend(cost)
      return waitMs
    },
    pausedUntil: paused,
    pauseUntil,
    refused({ began, retryAfterMs, short }) {
      const fallback = fallbackMs(began)
      // 0 is no wait at all, nor is a thousandth of a second: taken at its word, a busy loop.
      const meant = retryAfterMs !== undefined && retryAfterMs >= limits.backoffFirstMs
      pauseUntil(clock.now() + (meant ? retryAfterMs : fallback))
      if (short === 'units') units.ranOut()
      if (short === 'writes') writes.ranOut()
    },
    answered() {
      refusals = 0
    },
  }
}

/** A place in an allowance's line, which whoever has one holds at most once. */
export interface Place {
  /** Until a call of this cost may leave; takes the place if there is none yet. */
  waitMs(cost: Cost): number
  /** Leaves it, having used so much: the place may have been taken for another call. */
  settle(used: Cost | undefined): void
}

export function createPlace(clock: Clock, allowance: Allowance): Place {
  let taken: { cost: Cost; waitMs: number; since: number } | undefined
  return {
    waitMs(cost) {
      const now = clock.now()
      taken ??= { cost, waitMs: allowance.reserve(cost), since: now }
      // A clock that was put back makes no wait longer than it was.
      taken.since = Math.min(taken.since, now)
      return taken.waitMs - (now - taken.since)
    },
    settle(used = { units: 0, writes: 0 }) {
      if (taken === undefined) return
      const { units, writes } = taken.cost
      taken = undefined
      allowance.spend({ units: used.units - units, writes: used.writes - writes })
    },
  }
}
