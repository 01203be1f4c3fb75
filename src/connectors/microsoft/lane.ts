import type { Clock } from '../../core/clock.ts'
import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { createBucket } from './bucket.ts'
import { createTurnQueue, type Priority } from './turnQueue.ts'
import { createWindow } from './window.ts'

export type { Priority }

/** What a service grants one application in one tenant, as far as it says so. */
export interface LaneRates {
  unitsPerSecond: number
  /** Units that may be spent at once after a rest. */
  unitsBurst: number
  inFlightMax: number
}

export interface TakeOptions {
  priority: Priority
  signal?: AbortSignal | undefined
  /** Calls of one kind are compared in their latency. */
  kind: string
}

/** How a call that took its turn ended. */
export interface TurnOutcome {
  /** Absent when no answer came. */
  status: number | undefined
  retryAfterMs: number | undefined
  latencyMs: number
}

/** Ends the turn, however the call went. */
export type EndTurn = (outcome: TurnOutcome) => void

export interface Lane {
  /**
   * Waits for a turn worth `cost` units; interactive calls go before sync. Throws
   * `microsoft-throttled` with `retryAfterMs` when the lane pauses for longer than a call should
   * wait, `cancelled`, or `unavailable` when too many wait.
   */
  take(cost: number, options: TakeOptions): Promise<EndTurn>
  /** A pause another process was told to make. */
  pauseUntil(until: number): void
  state(): { window: number; inFlight: number; waiting: number; pausedUntil: number }
}

/** `announce` is told of pauses this lane was asked for, in milliseconds since 1970. */
export function createLane(
  clock: Clock,
  rates: LaneRates,
  announce: (until: number) => void,
): Lane {
  const queue = createTurnQueue<EndTurn>()
  const window = createWindow(clock, rates.inFlightMax)
  const bucket = createBucket(clock, rates.unitsPerSecond, rates.unitsBurst)
  let inFlight = 0
  let pausedUntil = 0
  let alarm: AbortController | undefined

  /** Starts whoever may start now, and sets an alarm for the rest. */
  function advance(): void {
    alarm?.abort()
    alarm = undefined
    for (;;) {
      const next = queue.first()
      if (next === undefined || inFlight >= window.size()) return
      const waitMs = Math.max(pausedUntil - clock.now(), bucket.waitMs(next.cost))
      if (waitMs > 0) {
        alarm = new AbortController()
        clock.sleep(waitMs, alarm.signal).then(advance, () => {})
        return
      }
      queue.remove(next)
      bucket.spend(next.cost)
      inFlight += 1
      window.began(inFlight)
      next.start(endOf(next.kind, clock.now()))
    }
  }

  function endOf(kind: string, began: number): EndTurn {
    return ({ status, retryAfterMs, latencyMs }) => {
      const throttled = status === 429
      const healthy = status !== undefined && status < 500
      window.judge({ kind, began, latencyMs, throttled, healthy })
      inFlight -= 1
      if (throttled) {
        pause(clock.now() + (retryAfterMs || limits.backoffFirstMs))
        announce(pausedUntil)
      }
      advance()
    }
  }

  function pause(until: number): void {
    pausedUntil = Math.max(pausedUntil, Math.min(until, clock.now() + limits.retryAfterMaxMs))
    const error = tooLong(pausedUntil - clock.now())
    if (error !== undefined) queue.failAll(error)
  }

  return {
    async take(cost, { priority, signal, kind }) {
      const refusal = tooLong(pausedUntil - clock.now())
      if (refusal !== undefined) throw refusal
      const turn = queue.wait({ cost, kind }, priority, signal)
      advance()
      return await turn
    },
    pauseUntil(until) {
      pause(until)
      advance()
    },
    state: () => ({ window: window.size(), inFlight, waiting: queue.size(), pausedUntil }),
  }
}

function tooLong(pauseMs: number): AppError | undefined {
  if (pauseMs <= limits.callWaitMs) return undefined
  return new AppError(
    'microsoft-throttled',
    `Microsoft asks this tenant's calls to pause for ${Math.ceil(pauseMs / 1_000)} s. Nothing was sent; it is tried again after that.`,
    { retryAfterMs: pauseMs },
  )
}
