import type { Clock } from '../../core/clock.ts'
import { createLane, type Lane, type LaneRates } from './lane.ts'

/** What a service counts together: one application, in one tenant, towards one of its services. */
export interface LaneName {
  clientId: string
  tenantId: string
  service: string
}

export interface Lanes {
  lane(name: LaneName): Lane
  /** A pause another process was told to make; `until` in milliseconds since 1970. */
  hear(name: LaneName, until: number): void
}

export interface LanesOptions {
  rates: (service: string) => LaneRates
  /** Tells the other processes that this lane pauses. */
  announce?: (name: LaneName, until: number) => void
}

/** The throttle state of this process. Lanes of tenants long gone cost a few hundred bytes each. */
export function createLanes(clock: Clock, { rates, announce }: LanesOptions): Lanes {
  const lanes = new Map<string, Lane>()

  function laneOf(name: LaneName): Lane {
    const key = [name.clientId, name.tenantId, name.service].join('\n')
    const known = lanes.get(key)
    if (known !== undefined) return known
    const lane = createLane(clock, rates(name.service), (until) => announce?.(name, until))
    lanes.set(key, lane)
    return lane
  }

  return { lane: laneOf, hear: (name, until) => laneOf(name).pauseUntil(until) }
}
