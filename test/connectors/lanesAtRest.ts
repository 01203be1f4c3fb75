import type { EndTurn, Lane } from '../../src/connectors/microsoft/lane.ts'
import {
  createLanes,
  type LaneName,
  type ServiceRates,
} from '../../src/connectors/microsoft/lanes.ts'
import { createStandingClock, settle } from './standingClock.ts'

export const wide = { perSecond: 100, burst: 100_000 }
const rates: ServiceRates = {
  tenant: { units: wide, writes: wide },
  application: { units: wide, writes: wide },
  inFlightMax: 16,
  inFlightTotalMax: 64,
}
export const fine = { status: 200, latencyMs: 100 }
export const refused = (retryAfterMs?: number) => ({ status: 429, retryAfterMs, latencyMs: 100 })
export const sync = { priority: 'sync', kind: 'GET users' } as const
export const person = { priority: 'interactive', kind: 'GET users' } as const
export const one = { units: 1, writes: 0 }
export const units = (count: number) => ({ units: count, writes: 0 })
export const named = (tenantId: string, clientId = 'app'): LaneName => ({
  ...{ clientId, tenantId, service: 'graph' },
})

/** The lanes of one process on a clock that stands, and what they tell of pauses. */
export function startLanes(given: Partial<ServiceRates> = {}) {
  const clock = createStandingClock()
  const announced: [string, number][] = []
  const lanes = createLanes(clock, {
    rates: () => ({ ...rates, ...given }),
    announce: (name, until) => announced.push([name, until]),
  })
  return { clock, lanes, lane: lanes.lane(named('tenant')), announced }
}

/** Takes turns as long as they are given at once; answers how they are ended. */
export async function takeAll(
  lane: Lane,
  count: number,
  given: Parameters<Lane['take']>[1] = sync,
) {
  const ends: EndTurn[] = []
  for (let call = 0; call < count; call += 1) {
    lane.take(one, given).then((end) => ends.push(end))
  }
  await settle()
  return ends
}
