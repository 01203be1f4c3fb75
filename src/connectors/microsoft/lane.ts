import type { Clock } from '../../core/clock.ts'
import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Priority } from '../../core/wire.ts'
import type { Allowance, Cost, Refusal } from './allowance.ts'
import type { LaneNews } from './laneNews.ts'
import { createTurnQueue, type Waiter } from './turnQueue.ts'
import type { Starter, TurnRing } from './turnRing.ts'
import { createWindow } from './window.ts'

export interface TakeOptions {
  priority: Priority
  signal?: AbortSignal | undefined
  /** Calls of one kind are compared in their latency. */
  kind: string
}

/** How a call that took its turn ended. */
export interface TurnOutcome extends LaneNews {
  latencyMs: number
}

/** Ends the turn, however the call went. */
export type EndTurn = (outcome: TurnOutcome) => void

export interface Lane {
  /**
   * Waits for a turn worth `cost`; interactive calls go before sync. Throws `microsoft-throttled`
   * with `retryAfterMs` when the lane pauses for longer than a call should wait, `cancelled`, or
   * `unavailable` when too many wait.
   */
  take(cost: Cost, options: TakeOptions): Promise<EndTurn>
  /** A pause was made or heard of: sends away who would wait too long. */
  paused(): void
  state(): { window: number; inFlight: number; waiting: number; pausedUntil: number }
}

export interface LaneParts {
  clock: Clock
  /** What this tenant is granted, and what the application is in all tenants together. */
  tenant: Allowance
  application: Allowance
  ring: TurnRing
  inFlightMax: number
  /** Told of every refusal, to count it where it belongs. */
  refused(refusal: Refusal & { everyTenant: boolean }): void
}

/** A place in the application's line, which each tenant holds at most once. */
interface Place {
  cost: Cost
  dueAt: number
}

/**
 * The throttle state towards one application, tenant and service. A call leaves when the window has
 * room, the tenant's budgets and then the application's have enough, and the process has a
 * connection left, in this order: what waits for the tenant alone takes nothing from the others.
 */
export function createLane(parts: LaneParts): Lane {
  const { clock, tenant, application, ring } = parts
  const queue = createTurnQueue<EndTurn>()
  const window = createWindow(clock, parts.inFlightMax)
  let inFlight = 0
  let place: Place | undefined
  let alarm: AbortController | undefined

  const starter: Starter = {
    startOne() {
      const next = queue.first()
      if (next === undefined || !hasRoom(next) || waitMs(next) > 0) {
        advance()
        return false
      }
      queue.remove(next)
      tenant.spend(next.cost)
      settlePlace(next.cost)
      inFlight += 1
      window.began(inFlight)
      next.start(endOf(next, clock.now()))
      advance()
      return true
    },
  }

  /** Offers the first call, sets an alarm for the moment it may leave, or waits for room. */
  function advance(): void {
    alarm?.abort()
    alarm = undefined
    const next = queue.first()
    if (next === undefined) settlePlace(undefined)
    if (next === undefined || !hasRoom(next)) return
    const ms = waitMs(next)
    if (ms <= 0) {
      ring.offer(starter, next.priority)
      return
    }
    alarm = new AbortController()
    clock.sleep(ms, alarm.signal).then(advance, () => {})
  }

  /** A person's call has one place more: a window full of slow pages is not theirs to wait for. */
  function hasRoom({ priority }: Waiter<EndTurn>): boolean {
    return inFlight < window.size() + Number(priority === 'interactive')
  }

  function waitMs({ cost }: Waiter<EndTurn>): number {
    const own = tenant.waitMs(cost)
    if (own > 0) return own
    place ??= { cost, dueAt: application.reserve(cost) }
    return Math.max(place.dueAt, application.pausedUntil()) - clock.now()
  }

  /** The place was taken for the call that was first then; another may have got it. */
  function settlePlace(used: Cost | undefined): void {
    if (place === undefined) return
    const { units, writes } = place.cost
    place = undefined
    application.spend({ units: (used?.units ?? 0) - units, writes: (used?.writes ?? 0) - writes })
  }

  function endOf({ kind, cost }: Waiter<EndTurn>, began: number): EndTurn {
    return (outcome) => {
      const { status, latencyMs, retryAfterMs, short, everyTenant = false, usedShare } = outcome
      const throttled = status === 429
      const healthy = status !== undefined && status < 500
      window.judge({ kind, began, latencyMs, throttled, healthy, usedShare })
      inFlight -= 1
      correct(cost, outcome.units)
      if (throttled) parts.refused({ began, retryAfterMs, short, everyTenant })
      else for (const side of [tenant, application]) side.answered()
      advance()
      ring.ended()
    }
  }

  /** What the service says a call cost counts, not what the tables made of it. */
  function correct(estimated: Cost, units: number | undefined): void {
    if (units === undefined || units === estimated.units) return
    const more = { units: units - estimated.units, writes: 0 }
    tenant.spend(more)
    application.spend(more)
  }

  const pausedUntil = () => Math.max(tenant.pausedUntil(), application.pausedUntil())

  return {
    async take(cost, { priority, signal, kind }) {
      const refusal = tooLong(pausedUntil() - clock.now())
      if (refusal !== undefined) throw refusal
      const turn = queue.wait({ cost, kind, priority }, signal)
      advance()
      return await turn
    },
    paused() {
      const error = tooLong(pausedUntil() - clock.now())
      if (error !== undefined) queue.failAll(error)
      advance()
    },
    state: () => ({
      window: window.size(),
      inFlight,
      waiting: queue.size(),
      pausedUntil: pausedUntil(),
    }),
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
