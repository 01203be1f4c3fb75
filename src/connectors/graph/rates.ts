import { appTenantRu, type Budget, identityBudgets } from '../../catalogue/graphLimits.ts'
import { limits } from '../../core/limits.ts'
import type { Rate } from '../microsoft/bucket.ts'
import type { ServiceRates } from '../microsoft/lanes.ts'

/**
 * What Graph grants (throttling limits, identity and access). A tenant of more than 500 users is
 * presumed: smaller ones have less, and their refusals teach it. The burst is the documented
 * bucket, not the 20,000 units once measured: what is not documented may go. The global limit of
 * 13,000 requests a second and a tenant's 60 writes a second of all applications are wider than
 * these, so nothing here counts them.
 */
export const graphRates: ServiceRates = {
  tenant: {
    units: rateOf(appTenantRu(Number.POSITIVE_INFINITY)),
    writes: rateOf(identityBudgets.appTenantWrites),
  },
  application: {
    units: rateOf(identityBudgets.appRu),
    writes: rateOf(identityBudgets.appWrites),
  },
  inFlightMax: 16,
  // More would wait for a connection, and look like a service that has become slow.
  inFlightTotalMax: limits.connectionsPerOrigin,
}

function rateOf({ amount, seconds }: Budget): Rate {
  return { perSecond: amount / seconds, burst: amount }
}
