import { profileRoutes, roleRoutes } from './access.ts'
import { alertRoutes } from './alerts.ts'
import { auditRoutes } from './audit.ts'
import { certificateRoutes } from './certificates.ts'
import { consentRoutes } from './consent.ts'
import { credentialRoutes } from './credentials.ts'
import { egressRoutes } from './egress.ts'
import { exportRoutes } from './exports.ts'
import { modelRoutes } from './models.ts'
import { nodeRoutes } from './nodes.ts'
import { notificationRoutes, subscriptionRoutes } from './notifications.ts'
import { eventRoutes, healthRoutes, jobRoutes, metricsRoutes } from './operations.ts'
import { personRoutes } from './people.ts'
import { permissionRoutes } from './permissions.ts'
import { resourceRoutes } from './resources.ts'
import { scheduleRoutes, syncRuleRoutes } from './schedules.ts'
import { syncScopeRoutes } from './scopes.ts'
import { sessionRoutes, signInRoutes } from './session.ts'
import { syncRoutes } from './syncs.ts'
import { tenantRoutes } from './tenants.ts'
import { tokenRoutes } from './tokens.ts'
import { transactionRoutes } from './transactions.ts'

/** Every route of Patchbay's API. A route's name is its two keys here: `tenant.list`. */
export const api = {
  node: nodeRoutes,
  tenant: tenantRoutes,
  certificate: certificateRoutes,
  credential: credentialRoutes,
  alert: alertRoutes,
  permission: permissionRoutes,
  egress: egressRoutes,
  profile: profileRoutes,
  role: roleRoutes,
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
  consent: consentRoutes,
  person: personRoutes,
  token: tokenRoutes,
  session: sessionRoutes,
  signIn: signInRoutes,
  metrics: metricsRoutes,
  health: healthRoutes,
}

export type Api = typeof api
