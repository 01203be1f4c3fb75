import type { Clock, Random } from '../core/clock.ts'
import type { Violation } from './check.ts'
import { serves } from './clouds.ts'
import type { Tenant } from './directory/types.ts'
import type { FaultBook } from './faults/book.ts'
import type { Bucket } from './graph/budgets.ts'
import type { TokenKeys } from './login/keys.ts'
import type { Notifier } from './notifications/types.ts'
import type { TokenKey } from './odata/pageToken.ts'
import type { Latency } from './options.ts'
import type { CallBook } from './record.ts'

/** Everything one emulator knows; made once at start and handed to whoever answers. */
export interface State {
  readonly clock: EmulatorClock
  readonly tenants: Map<string, Tenant>
  readonly keys: TokenKeys
  readonly pageKey: TokenKey
  readonly random: Random
  readonly controlled: boolean
  readonly checkAnswers: boolean
  readonly gzip: boolean
  latency: Latency
  /** What is left of budgets, by what they count and whose they are. */
  readonly buckets: Map<string, Bucket>
  readonly faults: FaultBook
  readonly calls: CallBook
  readonly notifier: Notifier
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

/** By id or any verified domain, ignoring case; under a host of a cloud only those of the cloud. */
export function findTenant(
  state: State,
  name: string,
  host: string = 'localhost',
): Tenant | undefined {
  const wanted = name.toLowerCase()
  const found =
    state.tenants.get(wanted) ??
    [...state.tenants.values()].find(({ domains }) => domains.includes(wanted))
  return found !== undefined && serves(host, found.cloud) ? found : undefined
}
