import type { Clock } from '../core/clock.ts'
import type { Violation } from './check.ts'
import type { Tenant } from './directory/types.ts'
import type { FaultBook } from './faults/book.ts'
import type { GraphState } from './graph/state.ts'
import type { NotifierState } from './notifications/state.ts'
import type { Latency } from './options.ts'

/**
 * Everything one emulator knows; made once at start and handed to whoever answers. What a folder
 * below asks of it stands in its own state.ts, so that none there knows of faults and of the rest.
 */
export interface State extends GraphState, NotifierState {
  readonly clock: EmulatorClock
  readonly tenants: Map<string, Tenant>
  readonly controlled: boolean
  readonly checkAnswers: boolean
  readonly gzip: boolean
  latency: Latency
  readonly faults: FaultBook
  readonly violations: Violation[]
  /** Calls being answered now, by tenant. */
  readonly inFlight: Map<string, number>
}

/** The given clock with an offset that the control API moves. */
export interface EmulatorClock extends Clock {
  offsetMs: number
}

export function emulatorClock(clock: Clock): EmulatorClock {
  const own: EmulatorClock = {
    offsetMs: 0,
    now: () => clock.now() + own.offsetMs,
    sleep: (ms, signal) => clock.sleep(ms, signal),
  }
  return own
}
