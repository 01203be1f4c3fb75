import type { Clock } from '../../core/clock.ts'
import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Priority } from '../../core/wire.ts'
import { type Allowance, type Cost, createPlace, type Place, type Refusal } from './allowance.ts'
import type { LaneNews } from './laneNews.ts'
import { createTurnQueue, isRead, type TurnQueue, type Waiter } from './turnQueue.ts'
import type { Starter, TurnRing } from './turnRing.ts'
import { createWindow, type Window } from './window.ts'

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

interface State extends LaneParts {
  queue: TurnQueue<EndTurn>
  window: Window
  /** In the application's line: the first read's, and the first write's. */
  places: Record<'read' | 'write', Place>
  inFlight: number
  /** Wakes the lane when the next call may leave. */
  alarm: AbortController | undefined
  starter: Starter
}

/**
 * The throttle state towards one application, tenant and service. A call leaves when the window has
 * room, the tenant's budgets and then the application's have enough, and the process has a
 * connection left, in this order: what waits for the tenant alone takes nothing from the others.
 * Calls leave as they came, but that reads pass writes which lack nothing but the quota of writes:
 * a bulk change waits for that a minute and more.
 */
export function createLane(parts: LaneParts): Lane {
  const { clock, tenant, application } = parts
  const state: State = {
    ...parts,
    queue: createTurnQueue(),
    window: createWindow(clock, parts.inFlightMax),
    places: { read: createPlace(clock, application), write: createPlace(clock, application) },
    inFlight: 0,
    alarm: undefined,
    starter: { startOne: () => startOne(state) },
  }
  const { queue, window } = state
  const pausedUntil = () => Math.max(tenant.pausedUntil(), application.pausedUntil())
  return {
    async take(cost, { priority, signal, kind }) {
      const refusal = tooLong(pausedUntil() - clock.now())
      if (refusal !== undefined) throw refusal
      const turn = queue.wait({ cost, kind, priority }, signal)
      advance(state)
      return await turn
    },
    paused() {
      const error = tooLong(pausedUntil() - clock.now())
      if (error !== undefined) queue.failAll(error)
      advance(state)
    },
    state: () => ({
      ...{ window: window.size(), inFlight: state.inFlight, waiting: queue.size() },
      pausedUntil: pausedUntil(),
    }),
  }
}

/** Offers the next call, sets an alarm for the moment it may leave, or waits for room. */
function advance(lane: State): void {
  lane.alarm?.abort()
  lane.alarm = undefined
  if (lane.queue.first() === undefined) {
    for (const place of Object.values(lane.places)) place.settle(undefined)
  }
  const next = upNext(lane)
  if (next === undefined) return
  if (next.ms <= 0) {
    lane.ring.offer(lane.starter, next.waiter.priority)
    return
  }
  lane.alarm = new AbortController()
  lane.clock.sleep(next.ms, lane.alarm.signal).then(
    () => advance(lane),
    () => {},
  )
}

function startOne(lane: State): boolean {
  const next = upNext(lane)
  if (next === undefined || next.ms > 0) {
    advance(lane)
    return false
  }
  const { waiter } = next
  lane.queue.remove(waiter)
  lane.tenant.spend(waiter.cost)
  placeOf(lane, waiter).settle(waiter.cost)
  lane.inFlight += 1
  lane.window.began(lane.inFlight)
  const began = lane.clock.now()
  waiter.start((outcome) => endTurn(lane, waiter, began, outcome))
  advance(lane)
  return true
}

interface Next {
  waiter: Waiter<EndTurn>
  ms: number
}

/** Who leaves next, and in how many milliseconds to look again; undefined when there is no room. */
function upNext(lane: State): Next | undefined {
  const first = lane.queue.first()
  if (first === undefined) return undefined
  const own = withRoom(lane, first)
  if (own?.ms === 0 || isRead(first)) return own
  // A read that passed one who waits for units as well would take them from it.
  const unitsMs = lane.tenant.waitMs({ ...first.cost, writes: 0 })
  if (unitsMs > 0) return own && { ...own, ms: Math.min(own.ms, unitsMs) }
  const read = lane.queue.firstRead()
  const passing = read && withRoom(lane, read)
  return passing && (own === undefined || passing.ms < own.ms) ? passing : own
}

/** Asked in this order: a place in the application's line is for a call that may leave. */
function withRoom(lane: State, waiter: Waiter<EndTurn>): Next | undefined {
  if (!hasRoom(lane, waiter)) return undefined
  return { waiter, ms: Math.max(0, waitMs(lane, waiter)) }
}

function placeOf({ places }: State, waiter: Waiter<EndTurn>): Place {
  return isRead(waiter) ? places.read : places.write
}

/** A person's call has one place more: a window full of slow pages is not theirs to wait for. */
function hasRoom({ inFlight, window }: State, { priority }: Waiter<EndTurn>): boolean {
  return inFlight < window.size() + Number(priority === 'interactive')
}

function waitMs(lane: State, waiter: Waiter<EndTurn>): number {
  const { clock, tenant, application } = lane
  const own = tenant.waitMs(waiter.cost)
  if (own > 0) return own
  const line = placeOf(lane, waiter).waitMs(waiter.cost)
  return Math.max(line, application.pausedUntil() - clock.now())
}

function endTurn(
  lane: State,
  { kind, cost }: Waiter<EndTurn>,
  began: number,
  outcome: TurnOutcome,
): void {
  const { status, latencyMs, retryAfterMs, short, everyTenant = false, usedShare } = outcome
  const throttled = status === 429
  const healthy = status !== undefined && status < 500
  lane.window.judge({ kind, began, latencyMs, throttled, healthy, usedShare })
  lane.inFlight -= 1
  correct(lane, cost, outcome.units)
  if (throttled) lane.refused({ began, retryAfterMs, short, everyTenant })
  else for (const side of [lane.tenant, lane.application]) side.answered()
  advance(lane)
  lane.ring.ended()
}

/** What the service says a call cost counts, not what the tables made of it. */
function correct({ tenant, application }: State, estimated: Cost, units: number | undefined): void {
  if (units === undefined || units === estimated.units) return
  const more = { units: units - estimated.units, writes: 0 }
  tenant.spend(more)
  application.spend(more)
}

function tooLong(pauseMs: number): AppError | undefined {
  if (pauseMs <= limits.callWaitMs) return undefined
  return new AppError(
    'microsoft-throttled',
    `Microsoft asks this tenant's calls to pause for ${Math.ceil(pauseMs / 1_000)} s. Nothing was sent; it is tried again after that.`,
    { retryAfterMs: pauseMs },
  )
}
