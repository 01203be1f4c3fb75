import type { Api } from '../../contract/api.ts'
import {
  cancelSync,
  decideRemovals,
  listRejected,
  listRemovals,
  listSyncs,
  readSync,
  startSync,
} from '../../features/syncs/syncs.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

export function syncHandlers({ store, jobs, engine }: ServerDependencies): Handlers<Api>['sync'] {
  const { db, clock } = store
  const work = { db, clock, jobs, models: engine.models }
  return {
    start: (actor, { params, body }) => startSync(actor, work, params.tenantId, body),
    list: (actor, { query }) => listSyncs(actor, db, query),
    show: (actor, { params }) => readSync(actor, db, params.syncId),
    cancel: (actor, { params }) => cancelSync(actor, db, params.syncId),
    rejected: (actor, { params, query }) => listRejected(actor, db, params.syncId, query),
    removals: (actor, { params, query }) => listRemovals(actor, db, params.syncId, query),
    decide: (actor, { params, body }) => decideRemovals(actor, work, params.syncId, body),
  }
}
