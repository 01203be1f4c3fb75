import { randomUUID } from 'node:crypto'
import { api } from '../contract/api.ts'
import type { AppError } from '../core/errors.ts'
import { createRefusals } from '../features/audit/refusals.ts'
import { createSignIns, type SignIns } from '../features/audit/signIns.ts'
import type { Credential } from '../http/admission.ts'
import type { RequestRecord } from '../http/server.ts'
import { createHttpServer } from '../http/server.ts'
import type { Log } from '../store/log.ts'
import { findActor } from './access.ts'
import type { ServerDependencies } from './dependencies.ts'
import { accessHandlers } from './handlers/access.ts'
import { alertHandlers } from './handlers/alerts.ts'
import { auditHandlers } from './handlers/audit.ts'
import { certificateHandlers } from './handlers/certificates.ts'
import { consentHandlers } from './handlers/consent.ts'
import { credentialHandlers } from './handlers/credentials.ts'
import { egressHandlers } from './handlers/egress.ts'
import { exportHandlers } from './handlers/exports.ts'
import { modelHandlers } from './handlers/models.ts'
import { nodeHandlers } from './handlers/nodes.ts'
import { notificationHandlers, subscriptionHandlers } from './handlers/notifications.ts'
import { operationHandlers } from './handlers/operations.ts'
import { personHandlers, tokenHandlers } from './handlers/people.ts'
import { permissionHandlers } from './handlers/permissions.ts'
import { resourceHandlers } from './handlers/resources.ts'
import { scheduleHandlers, syncRuleHandlers } from './handlers/schedules.ts'
import { syncScopeHandlers } from './handlers/scopes.ts'
import { sessionHandlers } from './handlers/session.ts'
import { syncHandlers } from './handlers/syncs.ts'
import { tenantHandlers } from './handlers/tenants.ts'
import { transactionHandlers } from './handlers/transactions.ts'

/** Patchbay's API over its features. `listen` and `close` are the caller's. */
export function createServer(dependencies: ServerDependencies) {
  const signIns = createSignIns(dependencies.store)
  return createHttpServer({
    ...about(dependencies, signIns),
    contract: api,
    handlers: {
      node: nodeHandlers(dependencies),
      tenant: tenantHandlers(dependencies),
      certificate: certificateHandlers(dependencies),
      credential: credentialHandlers(dependencies),
      alert: alertHandlers(dependencies),
      permission: permissionHandlers(dependencies),
      egress: egressHandlers(dependencies),
      ...accessHandlers(dependencies),
      sync: syncHandlers(dependencies),
      syncRule: syncRuleHandlers(dependencies),
      schedule: scheduleHandlers(dependencies),
      syncScope: syncScopeHandlers(dependencies),
      notification: notificationHandlers(dependencies),
      subscription: subscriptionHandlers(dependencies),
      model: modelHandlers(dependencies),
      resource: resourceHandlers(dependencies),
      export: exportHandlers(dependencies),
      transaction: transactionHandlers(dependencies),
      audit: auditHandlers(dependencies),
      person: personHandlers(dependencies),
      token: tokenHandlers(dependencies),
      consent: consentHandlers(dependencies),
      ...sessionHandlers(dependencies, signIns),
      ...operationHandlers(dependencies),
    },
  })
}

/** The health of a process that serves nothing else. */
export function createHealthServer(dependencies: ServerDependencies) {
  const { health } = operationHandlers(dependencies)
  return createHttpServer({
    ...about(dependencies, createSignIns(dependencies.store)),
    contract: { health: api.health },
    handlers: { health },
  })
}

function about(
  { store, log, metrics, version, browsers, access }: ServerDependencies,
  signIns: SignIns,
) {
  return {
    title: 'Patchbay',
    version,
    newRequestId: randomUUID,
    clock: store.clock,
    browsers,
    authenticate: async (credential: Credential) => {
      const actor = await findActor(store, credential)
      // That a session was begun is on record, and so need not be each use of it.
      return actor?.kind === 'person' ? actor : await signIns.note(actor)
    },
    watchAccess: access.watch,
    onRefused: createRefusals(store),
    onRequest: (record: RequestRecord) => {
      metrics.request(record)
      logRequest(log, record)
    },
    onFailure: (error: AppError, requestId: string) => logFailure(log, error, requestId),
  }
}

/** One line per request. Health is asked every few seconds and only worth a line when it is bad. */
function logRequest(log: Log, record: RequestRecord): void {
  if (record.route.startsWith('/health/') && record.status < 400) return
  log.info(record, 'request')
}

function logFailure(log: Log, error: AppError, requestId: string): void {
  const { cause } = error
  const why =
    cause instanceof Error
      ? { name: cause.name, reason: cause.message, stack: cause.stack }
      : { reason: String(cause) }
  log.error({ requestId, ...why }, error.message)
}
