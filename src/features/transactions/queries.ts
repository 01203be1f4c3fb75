import { sql } from 'kysely'
import { type Author, authorOf } from '../../core/actor.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Tx } from '../../store/scope.ts'
import type { TransactionTable } from '../../store/tables/transactions.ts'
import { toJsonb } from '../../store/text.ts'

export interface TransactionRow {
  id: number
  tenantId: number
  nodePath: string
  kind: string
  title: string
  state: TransactionTable['state']
  actor: Author
  requestHash: Buffer
  requestedAt: Date
  startedAt: Date | null
  endedAt: Date | null
  undoes: number | null
  replays: number | null
  error: JsonObject | null
  /** What kinds of steps there are and of which models, each once. */
  stepsAbout: Pick<NewStep, 'kind' | 'input'>[]
  stepsTotal: number
  stepsDone: number
}

export interface StepRow {
  seq: number
  kind: string
  title: string
  input: JsonObject
  state: string
  before: JsonObject | null
  after: JsonObject | null
  attempts: number
  startedAt: Date | null
  endedAt: Date | null
  error: JsonObject | null
}

export interface NewTransaction {
  tenantId: number
  nodePath: string
  kind: string
  title: string
  actor: Author
  requestHash: Buffer
  idempotencyKey: string | undefined
  undoes: number | undefined
  replays: number | undefined
}

export interface NewStep {
  kind: string
  title: string
  input: JsonObject
}

const columns = sql`t.id, tenant_id as "tenantId", t.node_path as "nodePath", t.kind, t.title,
  t.state, actor, request_hash as "requestHash", requested_at as "requestedAt",
  t.started_at as "startedAt", t.ended_at as "endedAt", undoes, replays, t.error,
  (select count(*) from transaction_step s where s.transaction_id = t.id) as "stepsTotal",
  (select count(*) from transaction_step s where s.transaction_id = t.id
    and s.state = 'done') as "stepsDone",
  (select coalesce(jsonb_agg(distinct jsonb_build_object('kind', s.kind, 'input',
    jsonb_build_object('model', s.input -> 'model',
      'to', jsonb_build_object('model', s.input #> '{to,model}')))), '[]')
    from transaction_step s where s.transaction_id = t.id) as "stepsAbout"`

export async function selectTransaction(
  tx: Tx,
  id: number,
  lock = false,
): Promise<TransactionRow | undefined> {
  const { rows } = await sql<TransactionRow>`
    select ${columns} from transaction t
    where t.id = ${id} ${lock ? sql`for update` : sql``}`.execute(tx)
  return rows[0]
}

/** Newest first, before an id. */
export async function selectTransactions(
  tx: Tx,
  tenantId: number | undefined,
  before: number | undefined,
  limit: number,
): Promise<TransactionRow[]> {
  const { rows } = await sql<TransactionRow>`
    select ${columns} from transaction t
    where (${tenantId ?? null}::bigint is null or tenant_id = ${tenantId ?? null})
      and (${before ?? null}::bigint is null or t.id < ${before ?? null})
    order by t.id desc limit ${limit}`.execute(tx)
  return rows
}

export async function selectSteps(tx: Tx, transactionId: number): Promise<StepRow[]> {
  const { rows } = await sql<StepRow>`
    select seq, kind, title, input, state, before, after, attempts, started_at as "startedAt",
      ended_at as "endedAt", error
    from transaction_step where transaction_id = ${transactionId} order by seq`.execute(tx)
  return rows
}

export async function insertTransaction(
  tx: Tx,
  transaction: NewTransaction,
  steps: readonly NewStep[],
): Promise<number> {
  const { tenantId, nodePath, kind, title, actor, requestHash } = transaction
  const { rows } = await sql<{ id: number }>`
    insert into transaction (tenant_id, node_path, kind, title, state, actor, actor_id,
      idempotency_key, request_hash, undoes, replays)
    values (${tenantId}, ${nodePath}, ${kind}, ${title}, 'queued', ${toJsonb(authorOf(actor))}, ${actor.id},
      ${transaction.idempotencyKey ?? null}, ${requestHash}, ${transaction.undoes ?? null},
      ${transaction.replays ?? null})
    returning id`.execute(tx)
  const id = rows[0]?.id ?? 0
  await sql`
    insert into transaction_step (transaction_id, seq, node_path, kind, title, input)
    select ${id}, seq, ${nodePath}, kind, title, input::jsonb
    from unnest(${steps.map((step) => step.kind)}::text[],
      ${steps.map((step) => step.title)}::text[],
      ${steps.map((step) => toJsonb(step.input))}::text[])
      with ordinality as new_step (kind, title, input, seq)`.execute(tx)
  return id
}

/**
 * The transaction an earlier request with this key made, unless that was longer ago than `keepMs`.
 */
export async function selectByIdempotencyKey(
  tx: Tx,
  actorId: string,
  key: string,
  keepMs: number,
): Promise<{ id: number; requestHash: Buffer } | undefined> {
  await sql`
    update transaction set idempotency_key = null
    where actor_id = ${actorId} and idempotency_key = ${key}
      and requested_at < now() - ${keepMs} * interval '1 millisecond'`.execute(tx)
  const { rows } = await sql<{ id: number; requestHash: Buffer }>`
    select id, request_hash as "requestHash" from transaction
    where actor_id = ${actorId} and idempotency_key = ${key}`.execute(tx)
  return rows[0]
}

export async function askToCancelTransaction(tx: Tx, id: number): Promise<void> {
  await sql`update transaction set cancel_asked = true where id = ${id}`.execute(tx)
}

/** Removed objects by key, name or the value of a column; two are enough to know it is not one. */
export async function selectRemoved(
  tx: Tx,
  tenantId: number,
  model: string,
  ref: string,
): Promise<{ key: string; name: string }[]> {
  const { rows } = await sql<{ key: string; name: string }>`
    select key, name from resource
    where tenant_id = ${tenantId} and model_id = (select id from model where name = ${model})
      and removed_at is not null
      and (key = lower(${ref}) or lower(name) = lower(${ref})
        or exists (select from unnest(cols) as col where lower(col) = lower(${ref})))
    order by key limit 2`.execute(tx)
  return rows
}

/** The transactions that undo another, with what became of them. */
export async function selectUndos(
  tx: Tx,
  id: number,
): Promise<{ id: number; state: TransactionTable['state'] }[]> {
  const { rows } = await sql<{ id: number; state: TransactionTable['state'] }>`
    select id, state from transaction where undoes = ${id} order by id`.execute(tx)
  return rows
}
