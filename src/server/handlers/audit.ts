import type { Api } from '../../contract/api.ts'
import { exportAudit, readAudit, verifyAudit } from '../../features/audit/audit.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

export function auditHandlers({ store: { db } }: ServerDependencies): Handlers<Api>['audit'] {
  return {
    list: (actor, { query }) => readAudit(actor, db, query),
    export: (actor, { query }) => exportAudit(actor, db, query),
    verify: (actor, { body }) => verifyAudit(actor, db, body),
  }
}
