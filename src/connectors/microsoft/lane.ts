import type { Clock } from '../../core/clock.ts'
import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'

/** What a service grants one application in one tenant, as far as it says so. */
export interface LaneRates {
  unitsPerSecond: number
  /** Units that may be spent at once after a rest. */
  unitsBurst: number
  inFlightMax: number
}

export type Priority = 'interactive' | 'sync'

export interface TakeOptions {
  priority: Priority
  signal?: AbortSignal | undefined
  /** Calls of one kind are compared in their latency: a page of 999 is slower than one object. */
  kind: string
}

/** How a call that took its turn ended. */
export interface TurnOutcome {
  /** Absent when no answer came. */
  status: number | undefined
  retryAfterMs: number | undefined
  latencyMs: number
}

/** Ends the turn. Must be called once however the call went; later calls do nothing. */
export type EndTurn = (outcome: TurnOutcome) => void

export interface Lane {
  /**
   * Waits for a turn worth `cost` units. Throws `microsoft-throttled` with `retryAfterMs` when the
   * lane pauses for longer than a call should wait, `cancelled`, or `unavailable` when too many wait.
   */
  take(cost: number, options: TakeOptions): Promise<EndTurn>
  pauseUntil(until: number): void
  state(): LaneState
}

export interface LaneState {
  window: number
  inFlight: number
  waiting: number
  pausedUntil: number
}

interface Waiter {
  cost: number
  kind: string
  start: (end: EndTurn) => void
  fail: (error: AppError) => void
}

const windowStart = 4
const windowMin = 1
/** Latency beyond this multiple of the fastest seen counts as the service slowing us down. */
const slowFactor = 4
/** A floor under "fastest", so that 2 ms against 9 ms on a local network is not called slow. */
const slowFloorMs = 250

/**
 * One lane: a window of calls in flight that grows by one per window of good answers and halves on
 * a refusal or on rising latency (AIMD, as TCP does), a bucket of resource units, and a pause.
 * Rate headers are no use here: the percentage Graph documents has not been seen on real tenants.
 */
export function createLane(
  clock: Clock,
  rates: LaneRates,
  announce: (until: number) => void,
): Lane {
  const queues: Record<Priority, Waiter[]> = { interactive: [], sync: [] }
  const fastestMs = new Map<string, number>()
  let window = windowStart
  let good = 0
  let inFlight = 0
  let shrunkAt = Number.NEGATIVE_INFINITY
  let pausedUntil = 0
  let units = rates.unitsBurst
  let filledAt = clock.now()
  let alarm: AbortController | undefined

  const waiting = () => queues.interactive.length + queues.sync.length

  function fill(now: number): void {
    const earned = (Math.max(now - filledAt, 0) / 1_000) * rates.unitsPerSecond
    units = Math.min(units + earned, rates.unitsBurst)
    filledAt = now
  }

  /** Starts whoever may start now, and sets an alarm for the rest. */
  function advance(): void {
    alarm?.abort()
    alarm = undefined
    while (inFlight < Math.floor(window)) {
      const queue = queues.interactive.length > 0 ? queues.interactive : queues.sync
      const next = queue[0]
      if (next === undefined) return
      const now = clock.now()
      fill(now)
      // A call dearer than the whole bucket waits for a full one, not for ever.
      const missing = Math.min(next.cost, rates.unitsBurst) - units
      const waitMs = Math.max(pausedUntil - now, (missing / rates.unitsPerSecond) * 1_000)
      if (waitMs > 0) {
        wakeIn(Math.ceil(waitMs))
        return
      }
      queue.shift()
      units -= next.cost
      inFlight += 1
      next.start(endOf(next.kind, now))
    }
  }

  function wakeIn(ms: number): void {
    const controller = new AbortController()
    alarm = controller
    clock.sleep(ms, controller.signal).then(advance, () => {})
  }

  function endOf(kind: string, began: number): EndTurn {
    let ended = false
    return ({ status, retryAfterMs, latencyMs }) => {
      if (ended) return
      ended = true
      inFlight -= 1
      const throttled = status === 429
      if (throttled) pause(clock.now() + (retryAfterMs || limits.backoffFirstMs))
      if (throttled || isSlow(kind, latencyMs)) shrink(began)
      else if (status !== undefined && status < 500) grow()
      advance()
    }
  }

  function isSlow(kind: string, latencyMs: number): boolean {
    const fastest = Math.min(fastestMs.get(kind) ?? latencyMs, latencyMs)
    fastestMs.set(kind, fastest)
    return latencyMs > slowFactor * Math.max(fastest, slowFloorMs)
  }

  /** Calls that were already out when the window last shrank say nothing new. */
  function shrink(began: number): void {
    good = 0
    if (began < shrunkAt) return
    shrunkAt = clock.now()
    window = Math.max(window / 2, windowMin)
  }

  function grow(): void {
    good += 1
    // An unused window proves nothing about a larger one.
    if (good < window || inFlight + 1 < Math.floor(window)) return
    good = 0
    window = Math.min(window + 1, rates.inFlightMax)
  }

  function pause(until: number): void {
    if (until <= pausedUntil) return
    pausedUntil = until
    announce(until)
    refuseLongWaits()
  }

  function refuseLongWaits(): void {
    const error = tooLong(pausedUntil - clock.now())
    if (error === undefined) return
    for (const queue of [queues.interactive, queues.sync]) {
      for (const waiter of queue.splice(0)) waiter.fail(error)
    }
  }

  return {
    take(cost, { priority, signal, kind }) {
      const { promise, resolve, reject } = Promise.withResolvers<EndTurn>()
      const refusal = tooLong(pausedUntil - clock.now()) ?? tooMany(waiting()) ?? given(signal)
      if (refusal !== undefined) return Promise.reject(refusal)
      const queue = queues[priority]
      const giveUp = () => {
        const place = queue.indexOf(waiter)
        if (place >= 0) queue.splice(place, 1)
        reject(cancelled())
      }
      const waiter: Waiter = {
        cost,
        kind,
        start: (end) => {
          signal?.removeEventListener('abort', giveUp)
          resolve(end)
        },
        fail: (error) => {
          signal?.removeEventListener('abort', giveUp)
          reject(error)
        },
      }
      signal?.addEventListener('abort', giveUp, { once: true })
      queue.push(waiter)
      advance()
      return promise
    },
    pauseUntil(until) {
      const bounded = Math.min(until, clock.now() + limits.retryAfterMaxMs)
      if (bounded <= pausedUntil) return
      pausedUntil = bounded
      refuseLongWaits()
      advance()
    },
    state: () => ({ window: Math.floor(window), inFlight, waiting: waiting(), pausedUntil }),
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

function tooMany(waiting: number): AppError | undefined {
  if (waiting < limits.laneWaitersMax) return undefined
  return new AppError(
    'unavailable',
    'Too many calls to Microsoft wait for their turn in this tenant. Nothing was sent; try again later.',
  )
}

function given(signal: AbortSignal | undefined): AppError | undefined {
  return signal?.aborted ? cancelled() : undefined
}

function cancelled(): AppError {
  return new AppError('cancelled', 'Waiting for a turn to call Microsoft was given up.')
}
