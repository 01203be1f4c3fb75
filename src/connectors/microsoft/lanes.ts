import type { Clock } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { type Allowance, createAllowance, type Rates } from './allowance.ts'
import { createLane, type Lane } from './lane.ts'
import { createTurnRing, type TurnRing } from './turnRing.ts'

/** What a service counts together: one application, in one tenant, towards one of its services. */
export interface LaneName {
  clientId: string
  tenantId: string
  service: string
}

/** What a service grants, as far as it says so. */
export interface ServiceRates {
  /** One application in one tenant. */
  tenant: Rates
  /** One application in all tenants together. */
  application: Rates
  /** Calls at once: of one tenant, and of this process. */
  inFlightMax: number
  inFlightTotalMax: number
}

/**
 * Pauses on their way to other processes and back. `name` is text for everybody else; `until` in
 * milliseconds since 1970.
 */
export type TellPause = (name: string, until: number) => void

export interface Lanes {
  lane(name: LaneName): Lane
  /** A pause another process was told to make. */
  hear: TellPause
}

export interface LanesOptions {
  rates: (service: string) => ServiceRates
  /** Tells the other processes of a pause that is worth it. */
  announce?: TellPause | undefined
}

/** One application towards one service, whatever the tenant. */
interface ApplicationState {
  allowance: Allowance
  lanes: Set<Lane>
}

interface LaneState {
  allowance: Allowance
  lane: Lane
  application: ApplicationState
}

/**
 * The throttle state of this process: by tenant, by application in all tenants, and in all, where
 * tenants are served in turn. Lanes of tenants long gone cost a few hundred bytes each.
 */
export function createLanes(clock: Clock, { rates, announce }: LanesOptions): Lanes {
  const rings = new Map<string, TurnRing>()
  const applications = new Map<string, ApplicationState>()
  const lanes = new Map<string, LaneState>()

  function ringOf(service: string): TurnRing {
    return remembered(rings, service, () =>
      createTurnRing(rates(service).inFlightTotalMax, limits.callsKeptForPeople),
    )
  }

  function applicationOf({ clientId, service }: Omit<LaneName, 'tenantId'>): ApplicationState {
    return remembered(applications, nameOf({ clientId, service, tenantId: everyTenant }), () => ({
      allowance: createAllowance(clock, rates(service).application),
      lanes: new Set(),
    }))
  }

  function stateOf(name: LaneName): LaneState {
    return remembered(lanes, nameOf(name), () => {
      const { tenant, inFlightMax } = rates(name.service)
      const application = applicationOf(name)
      const allowance = createAllowance(clock, tenant)
      const lane = createLane({
        ...{ clock, tenant: allowance, application: application.allowance },
        ...{ ring: ringOf(name.service), inFlightMax },
        refused: (refusal) => {
          const side = refusal.everyTenant ? application.allowance : allowance
          const tenantId = refusal.everyTenant ? everyTenant : name.tenantId
          const before = Math.max(side.pausedUntil(), clock.now())
          side.refused(refusal)
          tellOthers({ ...name, tenantId }, before, side.pausedUntil())
          for (const each of refusal.everyTenant ? application.lanes : [lane]) each.paused()
        },
      })
      application.lanes.add(lane)
      return { allowance, lane, application }
    })
  }

  /**
   * A short pause is over before others could heed it; of calls refused together each makes it a
   * few milliseconds longer, which is not worth telling either.
   */
  function tellOthers(name: LaneName, before: number, until: number): void {
    if (until - before >= limits.pauseToldMs) announce?.(nameOf(name), until)
  }

  return {
    lane: (name) => stateOf(name).lane,
    hear(text, until) {
      const [service, clientId, tenantId] = text.split(' ')
      if (service === undefined || clientId === undefined || tenantId === undefined) return
      if (tenantId === everyTenant) {
        const application = applicationOf({ clientId, service })
        application.allowance.pauseUntil(until)
        for (const lane of application.lanes) lane.paused()
        return
      }
      const { allowance, lane } = stateOf({ clientId, tenantId, service })
      allowance.pauseUntil(until)
      lane.paused()
    },
  }
}

const everyTenant = '*'

function nameOf({ service, clientId, tenantId }: LaneName): string {
  return [service, clientId, tenantId].join(' ')
}

function remembered<T>(known: Map<string, T>, name: string, create: () => T): T {
  const found = known.get(name) ?? create()
  known.set(name, found)
  return found
}
