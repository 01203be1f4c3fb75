import type { Api } from '../../contract/api.ts'
import { planTransaction } from '../../features/transactions/planTransaction.ts'
import {
  cancelTransaction,
  listTransactions,
  readTransaction,
  replayTransaction,
  startTransaction,
  undoTransaction,
} from '../../features/transactions/transactions.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

export function transactionHandlers(
  dependencies: ServerDependencies,
): Handlers<Api>['transaction'] {
  const { store, engine, jobs } = dependencies
  const { db } = store
  const work = { engine, jobs }
  const keyOf = (headers: { 'idempotency-key'?: string }) => headers['idempotency-key']
  return {
    plan: (actor, { params, body }, { signal }) =>
      planTransaction(actor, engine, params.tenantId, body, signal),
    start: (actor, { params, body, headers }) =>
      startTransaction(actor, work, params.tenantId, body, keyOf(headers)),
    list: (actor, { query }) => listTransactions(actor, db, query),
    show: (actor, { params }) => readTransaction(actor, db, params.transactionId),
    cancel: (actor, { params }) => cancelTransaction(actor, db, params.transactionId),
    undo: (actor, { params, headers }) =>
      undoTransaction(actor, work, params.transactionId, keyOf(headers)),
    replay: (actor, { params, body, headers }) =>
      replayTransaction(actor, work, params.transactionId, keyOf(headers), body.confirm),
  }
}
