import { auditRoutes } from './audit.ts'
import { certificateRoutes } from './certificates.ts'
import { exportRoutes } from './exports.ts'
import { modelRoutes } from './models.ts'
import { nodeRoutes } from './nodes.ts'
import { notificationRoutes, subscriptionRoutes } from './notifications.ts'
import { eventRoutes, healthRoutes, jobRoutes, metricsRoutes, sessionRoutes } from './operations.ts'
import { resourceRoutes } from './resources.ts'
import { scheduleRoutes, syncRuleRoutes } from './schedules.ts'
import { syncScopeRoutes } from './scopes.ts'
import { syncRoutes } from './syncs.ts'
import { tenantRoutes } from './tenants.ts'
import { transactionRoutes } from './transactions.ts'

/** Every route of Patchbay's API. A route's name is its two keys here: `tenant.list`. */
export const api = {
  node: nodeRoutes,
  tenant: tenantRoutes,
  certificate: certificateRoutes,
  sync: syncRoutes,
  syncRule: syncRuleRoutes,
  schedule: scheduleRoutes,
  syncScope: syncScopeRoutes,
  notification: notificationRoutes,
  subscription: subscriptionRoutes,
  model: modelRoutes,
  resource: resourceRoutes,
  export: exportRoutes,
  transaction: transactionRoutes,
  job: jobRoutes,
  event: eventRoutes,
  audit: auditRoutes,
  session: sessionRoutes,
  metrics: metricsRoutes,
  health: healthRoutes,
}

export type Api = typeof api
