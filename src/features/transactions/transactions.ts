import { createHash } from 'node:crypto'
import {
  type Actor,
  type Operation,
  requirePermission,
  scopesOf,
  scopesPermitted,
} from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import { canonicalJson, type JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import { type Engine, modelById } from '../../engine/engine.ts'
import { withKeys } from '../../engine/transaction/chains.ts'
import { passwordField, secretsOf } from '../../engine/transaction/work.ts'
import type { Database } from '../../store/database.ts'
import { isUniqueViolation } from '../../store/errors.ts'
import type { Jobs } from '../../store/jobs/jobs.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { notFound } from '../operation/notFound.ts'
import { idCursor, type PageOf, type PageQuery, readPage } from '../operation/paging.ts'
import { record } from '../operation/record.ts'
import { requireSteps, transactionType } from './authority.ts'
import {
  type ChangesBody,
  consequenceOfDelete,
  type ResolvedStep,
  resolveChanges,
} from './changes.ts'
import * as queries from './queries.ts'
import {
  type DetailAnswer,
  type StartedAnswer,
  showDetail,
  showTransaction,
  type TransactionAnswer,
} from './show.ts'

/** The engine, as far as asking for a transaction needs it. */
export type TransactionEngine = Pick<Engine, 'db' | 'models' | 'stepKinds' | 'vault'>

export interface TransactionDependencies {
  engine: TransactionEngine
  jobs: Pick<Jobs, 'enqueue'>
}

/** What a request wants done, and under which Idempotency-Key. */
interface Wanted {
  tenantId: number
  nodePath: string
  kind: string
  title: string
  steps: readonly (queries.NewStep & Partial<Pick<ResolvedStep, 'password'>>)[]
  undoes?: number
  replays?: number
}

/**
 * Queues a change of objects at Microsoft. Throws `bad-input` naming the property at fault before
 * anything is queued, `confirmation-required` for what does not come back by itself,
 * `idempotency-key-reused` when the key came with another request.
 */
export async function startTransaction(
  actor: Actor,
  { engine, jobs }: TransactionDependencies,
  tenantId: number,
  body: ChangesBody,
  idempotencyKey: string | undefined,
): Promise<StartedAnswer> {
  const models = await engine.models.current()
  const request = { tenantId, body: withoutPasswords(body) }
  const made: StartedAnswer['passwords'] = []
  const answer = await queueOnce(actor, engine, jobs, request, idempotencyKey, async (tx) => {
    const { nodePath, steps } = await resolveChanges(tx, actor, models, tenantId, body)
    await requireSteps(tx, actor, { tenantId, nodePath }, steps)
    requireYes(body.confirm, steps)
    made.push(...madePasswords(steps))
    const [first] = steps
    const title = steps.length === 1 && first ? first.title : titleOfMany(steps)
    return { tenantId, nodePath, kind: kindOfAll(steps), title, steps }
  })
  return { ...answer.detail, passwords: answer.isNew ? made : [] }
}

/**
 * A hash of a request that holds a password would be a way to try passwords, so what came twice
 * under one key is told by everything else.
 */
function withoutPasswords(body: ChangesBody): JsonObject {
  const steps = body.steps.map(({ password, ...step }) => ({
    ...step,
    ...(password !== undefined && { password: true }),
  }))
  return { ...body, steps } as unknown as JsonObject
}

function requireYes(
  confirm: boolean | undefined,
  steps: readonly Pick<ResolvedStep, 'consequence'>[],
): void {
  const consequences = steps.flatMap(({ consequence }) => consequence ?? [])
  if (confirm === true || consequences.length === 0) return
  const [first = '', ...others] = consequences
  const more = others.length > 0 ? ` So do ${others.length} further steps like it.` : ''
  throw new AppError(
    'confirmation-required',
    `${first}${more} Nothing was done yet; to do it, repeat the request with confirm set to true.`,
  )
}

function madePasswords(steps: readonly ResolvedStep[]): StartedAnswer['passwords'] {
  return steps.flatMap(({ password }, index) =>
    password?.made ? [{ seq: index + 1, password: password.sealed.reveal() }] : [],
  )
}

function kindOfAll(steps: readonly ResolvedStep[]): string {
  const kinds = new Set(steps.map(({ kind }) => kind))
  const [only = 'several'] = kinds
  return kinds.size === 1 ? only : 'several'
}

function titleOfMany(steps: readonly ResolvedStep[]): string {
  const [first] = steps
  const alike = steps.every(({ kind, model }) => kind === first?.kind && model === first.model)
  return alike && first ? `${steps.length} × ${first.model.title}` : `${steps.length} steps`
}

/** Puts back what a succeeded transaction changed, where nobody has changed it since. */
export async function undoTransaction(
  actor: Actor,
  { engine, jobs }: TransactionDependencies,
  id: number,
  idempotencyKey: string | undefined,
): Promise<DetailAnswer> {
  const answer = await queueOnce(actor, engine, jobs, { undo: id }, idempotencyKey, async (tx) => {
    const done = await permitted(tx, actor, 'Execute', id, true)
    if (done.state !== 'succeeded') {
      const why = `Transaction ${id} is ${done.state}; only one that succeeded can be undone.`
      throw new AppError('conflict', why)
    }
    const by = await undoneBy(tx, id)
    if (by !== undefined) {
      const why = `Transaction ${id} was undone by transaction ${by}, or is being undone; undo that one to have the change again.`
      throw new AppError('conflict', why)
    }
    const rows = await queries.selectSteps(tx, id)
    const steps = rows.toReversed().flatMap((step) => wayBack(engine, rows, step))
    if (steps.length === 0) {
      throw new AppError('conflict', `Transaction ${id} changed nothing; there is nothing to undo.`)
    }
    await requireSteps(tx, actor, done, steps)
    const { tenantId, nodePath } = done
    return { tenantId, nodePath, kind: 'undo', title: `Undo: ${done.title}`, steps, undoes: id }
  })
  return answer.detail
}

/** The undo that holds: under way, or succeeded and not itself undone since. */
async function undoneBy(tx: Tx, id: number): Promise<number | undefined> {
  for (const undo of await queries.selectUndos(tx, id)) {
    if (['queued', 'running', 'undoing'].includes(undo.state)) return undo.id
    if (undo.state === 'succeeded' && (await undoneBy(tx, undo.id)) === undefined) return undo.id
  }
  return undefined
}

function wayBack(
  { stepKinds }: Pick<Engine, 'stepKinds'>,
  steps: readonly queries.StepRow[],
  step: queries.StepRow,
): queries.NewStep[] {
  const input = withKeys(step.input, (seq) => steps.find((one) => one.seq === seq)?.after?.key)
  const kind = stepKinds[step.kind]
  if (step.before === null || step.after === null || !input || !kind) return []
  if (kind.differences(input, step.before, step.after).length === 0) return []
  const back = kind.reverse(input, step.before, step.after)
  if (back === 'nothing') return []
  if ('never' in back) {
    throw new AppError(
      'conflict',
      `Step ${step.seq} (${step.title}) cannot be undone. ${back.never}`,
    )
  }
  return [{ ...back, title: step.title }]
}

/**
 * Asks for the same again, whatever became of it the first time. Throws `confirmation-required`
 * where that deletes: whoever replays it may know no more of it than its number.
 */
export async function replayTransaction(
  actor: Actor,
  { engine, jobs }: TransactionDependencies,
  id: number,
  idempotencyKey: string | undefined,
  confirm?: boolean,
): Promise<DetailAnswer> {
  const models = await engine.models.current()
  const answer = await queueOnce(
    actor,
    engine,
    jobs,
    { replay: id },
    idempotencyKey,
    async (tx) => {
      const earlier = await permitted(tx, actor, 'Execute', id)
      const { tenantId, nodePath, kind, title } = earlier
      const steps = (await queries.selectSteps(tx, id)).map((step) => ({
        kind: step.kind,
        title: step.title,
        input: step.input,
      }))
      if (steps.some((step) => step.kind === 'password' || step.input.password === true)) {
        const why = `Transaction ${id} set a password, which is kept no longer than it takes. Ask for it anew.`
        throw new AppError('conflict', why)
      }
      await requireSteps(tx, actor, earlier, steps)
      requireYes(confirm, deletionsAgain(models, steps))
      return { tenantId, nodePath, kind, title, steps, replays: id }
    },
  )
  return answer.detail
}

function deletionsAgain(models: readonly Model[], steps: readonly queries.NewStep[]) {
  return steps.flatMap(({ kind, title, input }, index) => {
    if (kind !== 'delete') return []
    const model = modelById(models, String(input.model))
    const name = `The ${model?.title ?? 'object'} of step ${index + 1} (${title})`
    return [{ consequence: consequenceOfDelete(name, model) }]
  })
}

/**
 * Transaction, steps, audit, event and job in one commit. A repeated key answers with what the
 * first request made; of requests at the same moment one makes it and the others find it.
 */
async function queueOnce(
  actor: Actor,
  { db, vault }: Pick<Engine, 'db' | 'vault'>,
  jobs: Pick<Jobs, 'enqueue'>,
  request: JsonObject,
  idempotencyKey: string | undefined,
  want: (tx: Tx) => Promise<Wanted>,
): Promise<{ detail: DetailAnswer; isNew: boolean }> {
  const requestHash = createHash('sha256').update(canonicalJson(request)).digest()
  try {
    return await inScope(db, scopesOf(actor), async (tx) => {
      const earlier = await findEarlier(tx, actor, idempotencyKey, requestHash)
      if (earlier !== undefined) return { detail: await showOne(tx, actor, earlier), isNew: false }
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
      for (const [index, { password }] of steps.entries()) {
        const field = passwordField(index + 1)
        if (password) await vault.put(tx, secretsOf(id), nodePath, field, password.sealed)
      }
      await jobs.enqueue(tx, { kind: 'transaction', id, scope: nodePath, tenantId })
      return { detail: await showOne(tx, actor, id), isNew: true }
    })
  } catch (error) {
    if (!isUniqueViolation(error, 'transaction_idempotency')) throw error
    return inScope(db, scopesOf(actor), async (tx) => {
      const other = await findEarlier(tx, actor, idempotencyKey, requestHash)
      // Of a node that was moved out of the scope since: not to be seen, but the key is taken.
      const id = other ?? refuseKey('for a request outside your scope')
      return { detail: await showOne(tx, actor, id), isNew: false }
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
  const scopes = scopesPermitted(actor, 'Read', transactionType)
  const before = query.after === undefined ? undefined : idCursor(query.after)
  return inScope(db, scopes, (tx) =>
    readPage(
      query,
      (limit) => queries.selectTransactions(tx, query.tenantId, before, limit),
      (row) => showTransaction(actor, row),
      (row) => String(row.id),
    ),
  )
}

export async function readTransaction(
  actor: Actor,
  db: Database,
  id: number,
): Promise<DetailAnswer> {
  return inScope(db, scopesOf(actor), async (tx) => {
    await permitted(tx, actor, 'Read', id)
    return showOne(tx, actor, id)
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
  return inScope(db, scopesOf(actor), async (tx) => {
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
    return showOne(tx, actor, id)
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
  requirePermission(actor, operation, transactionType, row.nodePath)
  return row
}

async function showOne(tx: Tx, actor: Actor, id: number): Promise<DetailAnswer> {
  const row = await queries.selectTransaction(tx, id)
  if (row === undefined) throw notFound('transaction')
  return showDetail(actor, row, await queries.selectSteps(tx, id))
}
