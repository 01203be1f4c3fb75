import { createHash } from 'node:crypto'
import { type Actor, type Operation, requirePermission } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import { canonicalJson, type JsonObject, jsonEqual } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Database } from '../../store/database.ts'
import { isUniqueViolation } from '../../store/errors.ts'
import type { Jobs } from '../../store/jobs/jobs.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { notFound } from '../operation/notFound.ts'
import { idCursor, type PageOf, type PageQuery, readPage } from '../operation/paging.ts'
import { record } from '../operation/record.ts'
import { type ChangesBody, resolveChanges } from './changes.ts'
import * as queries from './queries.ts'
import { type DetailAnswer, showDetail, showTransaction, type TransactionAnswer } from './show.ts'

const type = 'data/Transaction'

export interface TransactionDependencies {
  engine: Pick<Engine, 'db' | 'models'>
  jobs: Pick<Jobs, 'enqueue'>
}

/** What a request wants done, and under which Idempotency-Key. */
interface Wanted {
  tenantId: number
  nodePath: string
  kind: string
  title: string
  steps: readonly queries.NewStep[]
  undoes?: number
  replays?: number
}

/**
 * Queues a change of objects at Microsoft. Throws `bad-input` naming the property at fault before
 * anything is queued, `idempotency-key-reused` when the key came with another request.
 */
export async function startTransaction(
  actor: Actor,
  { engine, jobs }: TransactionDependencies,
  tenantId: number,
  body: ChangesBody,
  idempotencyKey: string | undefined,
): Promise<DetailAnswer> {
  const request = { tenantId, body: body as unknown as JsonObject }
  return queueOnce(actor, engine.db, jobs, request, idempotencyKey, async (tx) => {
    const { nodePath, model, objects } = await resolveChanges(tx, actor, engine, tenantId, body)
    requirePermission(actor, 'Update', model.id, nodePath)
    const steps = objects.map(({ key, name, set }) => ({
      kind: 'update',
      title: `${name}: ${Object.keys(set).join(', ')}`,
      input: { model: model.id, key, set, expect: null },
    }))
    const [first] = steps
    const title = steps.length === 1 && first ? first.title : `${steps.length} × ${model.title}`
    return { tenantId, nodePath, kind: 'update', title, steps }
  })
}

/** Puts back what a succeeded transaction changed, where nobody has changed it since. */
export async function undoTransaction(
  actor: Actor,
  { engine, jobs }: TransactionDependencies,
  id: number,
  idempotencyKey: string | undefined,
): Promise<DetailAnswer> {
  return queueOnce(actor, engine.db, jobs, { undo: id }, idempotencyKey, async (tx) => {
    const done = await permitted(tx, actor, 'Execute', id)
    if (done.state !== 'succeeded') {
      const why = `Transaction ${id} is ${done.state}; only one that succeeded can be undone.`
      throw new AppError('conflict', why)
    }
    const steps = (await queries.selectSteps(tx, id)).reverse().flatMap(wayBack)
    if (steps.length === 0) {
      throw new AppError('conflict', `Transaction ${id} changed nothing; there is nothing to undo.`)
    }
    requireUpdates(actor, done.nodePath, steps)
    const { tenantId, nodePath } = done
    return { tenantId, nodePath, kind: 'undo', title: `Undo: ${done.title}`, steps, undoes: id }
  })
}

function wayBack(step: queries.StepRow): queries.NewStep[] {
  const { before, after } = step
  if (before === null || after === null || jsonEqual(before, after)) return []
  const input = { ...step.input, set: before, expect: after }
  return [{ kind: step.kind, title: step.title, input }]
}

/** Asks for the same again, whatever became of it the first time. */
export async function replayTransaction(
  actor: Actor,
  { engine, jobs }: TransactionDependencies,
  id: number,
  idempotencyKey: string | undefined,
): Promise<DetailAnswer> {
  return queueOnce(actor, engine.db, jobs, { replay: id }, idempotencyKey, async (tx) => {
    const earlier = await permitted(tx, actor, 'Execute', id)
    const { tenantId, nodePath, kind, title } = earlier
    const steps = (await queries.selectSteps(tx, id)).map((step) => ({
      kind: step.kind,
      title: step.title,
      input: step.input,
    }))
    requireUpdates(actor, nodePath, steps)
    return { tenantId, nodePath, kind, title, steps, replays: id }
  })
}

function requireUpdates(actor: Actor, nodePath: string, steps: readonly queries.NewStep[]): void {
  for (const model of new Set(steps.map((step) => String(step.input.model)))) {
    requirePermission(actor, 'Update', model, nodePath)
  }
}

/**
 * Transaction, steps, audit, event and job in one commit. A repeated key answers with what the
 * first request made; of requests at the same moment one makes it and the others find it.
 */
async function queueOnce(
  actor: Actor,
  db: Database,
  jobs: Pick<Jobs, 'enqueue'>,
  request: JsonObject,
  idempotencyKey: string | undefined,
  want: (tx: Tx) => Promise<Wanted>,
): Promise<DetailAnswer> {
  const requestHash = createHash('sha256').update(canonicalJson(request)).digest()
  try {
    return await inScope(db, actor.scope, async (tx) => {
      const earlier = await findEarlier(tx, actor, idempotencyKey, requestHash)
      if (earlier !== undefined) return showOne(tx, earlier)
      const { steps, ...wanted } = await want(tx)
      const { nodePath, tenantId, kind, title } = wanted
      const fields = { undoes: undefined, replays: undefined, ...wanted }
      const id = await queries.insertTransaction(
        tx,
        { ...fields, actor, requestHash, idempotencyKey },
        steps,
      )
      await record(tx, actor, {
        nodePath,
        tenantId,
        action: 'transaction.start',
        subject: `transaction:${id}`,
        detail: { kind, title, steps: steps.map((step) => step.input) },
      })
      await jobs.enqueue(tx, { kind: 'transaction', id, scope: nodePath, tenantId })
      return showOne(tx, id)
    })
  } catch (error) {
    if (!isUniqueViolation(error, 'transaction_idempotency')) throw error
    return inScope(db, actor.scope, async (tx) => {
      const other = await findEarlier(tx, actor, idempotencyKey, requestHash)
      // Of a node that was moved out of the scope since: not to be seen, but the key is taken.
      return showOne(tx, other ?? refuseKey('for a request outside your scope'))
    })
  }
}

async function findEarlier(
  tx: Tx,
  actor: Actor,
  key: string | undefined,
  requestHash: Buffer,
): Promise<number | undefined> {
  if (key === undefined) return undefined
  const keepMs = limits.idempotencyKeepMs
  const earlier = await queries.selectByIdempotencyKey(tx, actor.id, key, keepMs)
  if (earlier !== undefined && !earlier.requestHash.equals(requestHash)) {
    return refuseKey(`for another request (transaction ${earlier.id})`)
  }
  return earlier?.id
}

function refuseKey(forWhat: string): never {
  throw new AppError(
    'idempotency-key-reused',
    `This Idempotency-Key was used ${forWhat}. Nothing was changed; use a new key.`,
    { fields: [{ field: 'headers.idempotency-key', problem: `was used ${forWhat}` }] },
  )
}

export async function listTransactions(
  actor: Actor,
  db: Database,
  query: PageQuery & { tenantId?: number | undefined },
): Promise<PageOf<TransactionAnswer>> {
  requirePermission(actor, 'Read', type, actor.scope)
  const before = query.after === undefined ? undefined : idCursor(query.after)
  return inScope(db, actor.scope, (tx) =>
    readPage(
      query,
      (limit) => queries.selectTransactions(tx, query.tenantId, before, limit),
      showTransaction,
      (row) => String(row.id),
    ),
  )
}

export async function readTransaction(
  actor: Actor,
  db: Database,
  id: number,
): Promise<DetailAnswer> {
  return inScope(db, actor.scope, async (tx) => {
    await permitted(tx, actor, 'Read', id)
    return showOne(tx, id)
  })
}

/**
 * Takes effect before the next step; what is done is then undone. Throws `conflict` when it ended.
 */
export async function cancelTransaction(
  actor: Actor,
  db: Database,
  id: number,
): Promise<DetailAnswer> {
  return inScope(db, actor.scope, async (tx) => {
    const row = await permitted(tx, actor, 'Execute', id, true)
    if (row.state !== 'queued' && row.state !== 'running') {
      const why = `Transaction ${id} has ended or is being undone (${row.state}).`
      throw new AppError('conflict', why)
    }
    const { nodePath, tenantId } = row
    const subject = `transaction:${id}`
    await record(tx, actor, {
      nodePath,
      tenantId,
      action: 'transaction.cancel',
      subject,
      detail: {},
    })
    await queries.askToCancelTransaction(tx, id)
    return showOne(tx, id)
  })
}

async function permitted(
  tx: Tx,
  actor: Actor,
  operation: Operation,
  id: number,
  lock = false,
): Promise<queries.TransactionRow> {
  const row = await queries.selectTransaction(tx, id, lock)
  if (row === undefined) throw notFound('transaction')
  requirePermission(actor, operation, type, row.nodePath)
  return row
}

async function showOne(tx: Tx, id: number): Promise<DetailAnswer> {
  const row = await queries.selectTransaction(tx, id)
  if (row === undefined) throw notFound('transaction')
  return showDetail(row, await queries.selectSteps(tx, id))
}
