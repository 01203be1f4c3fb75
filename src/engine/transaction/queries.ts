import { sql } from 'kysely'
import type { Author } from '../../core/actor.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Edge } from '../../core/writing.ts'
import type { Tx } from '../../store/scope.ts'
import type { TransactionStepTable, TransactionTable } from '../../store/tables/transactions.ts'
import { toJsonb } from '../../store/text.ts'

export type TransactionState = TransactionTable['state']
export type StepState = TransactionStepTable['state']['__select__']

export interface Transaction {
  id: number
  tenantId: number
  nodePath: string
  kind: string
  state: TransactionState
  actor: Author
  epoch: number
  /** The transaction it takes back. */
  undoes: number | null
  /** Why it is being undone, once it is. */
  error: JsonObject | null
}

export interface Step {
  seq: number
  kind: string
  input: JsonObject
  state: StepState
  before: JsonObject | null
  after: JsonObject | null
  /** Why it failed, once it did. */
  error: JsonObject | null
}

/** Takes the transaction; undefined when it has ended. */
export async function claimTransaction(tx: Tx, id: number): Promise<Transaction | undefined> {
  const { rows } = await sql<Transaction>`
    update transaction set epoch = epoch + 1,
      started_at = coalesce(started_at, greatest(requested_at, now())),
      state = case when state = 'queued' then 'running' else state end
    where id = ${id} and state in ('queued', 'running', 'undoing')
    returning id, tenant_id as "tenantId", node_path as "nodePath", kind, state, actor, epoch,
      undoes, error`.execute(tx)
  return rows[0]
}

/** Locks the transaction for this commit. Undefined: another worker has taken it over. */
export async function holdTransaction(
  tx: Tx,
  transaction: Transaction,
): Promise<{ cancelAsked: boolean } | undefined> {
  const { rows } = await sql<{ cancelAsked: boolean }>`
    select cancel_asked as "cancelAsked" from transaction
    where id = ${transaction.id} and epoch = ${transaction.epoch}
      and state in ('running', 'undoing') for update`.execute(tx)
  return rows[0]
}

/** The same question without the lock, for the many steps that ask it side by side. */
export async function isHeld(tx: Tx, transaction: Transaction): Promise<boolean> {
  const { rows } = await sql`
    select from transaction where id = ${transaction.id} and epoch = ${transaction.epoch}
      and state in ('running', 'undoing')`.execute(tx)
  return rows.length > 0
}

export async function stepsOf(tx: Tx, transactionId: number): Promise<Step[]> {
  const { rows } = await sql<Step>`
    select seq, kind, input, state, before, after, error from transaction_step
    where transaction_id = ${transactionId} order by seq`.execute(tx)
  return rows
}

/** Writes where a step stands. A member left out stays as it is. */
export async function saveStep(
  tx: Tx,
  transactionId: number,
  seq: number,
  change: {
    state: StepState
    before?: JsonObject
    after?: JsonObject
    error?: JsonObject
    attempted?: boolean
  },
): Promise<void> {
  const ended = change.state !== 'doing' && change.state !== 'undoing'
  const optional = (value: JsonObject | undefined) => (value === undefined ? null : toJsonb(value))
  await sql`
    update transaction_step set state = ${change.state},
      before = coalesce(${optional(change.before)}::jsonb, before),
      after = coalesce(${optional(change.after)}::jsonb, after),
      error = coalesce(${optional(change.error)}::jsonb, error),
      attempts = attempts + ${change.attempted === true ? 1 : 0},
      started_at = coalesce(started_at, now()),
      ended_at = ${ended ? sql`greatest(started_at, now())` : null}
    where transaction_id = ${transactionId} and seq = ${seq}`.execute(tx)
}

export async function skipWaitingSteps(tx: Tx, transactionId: number): Promise<void> {
  await sql`
    update transaction_step set state = 'skipped'
    where transaction_id = ${transactionId} and state = 'waiting'`.execute(tx)
}

export async function saveTransaction(
  tx: Tx,
  transaction: Transaction,
  state: TransactionState,
  error: JsonObject | null,
): Promise<void> {
  const ended = state !== 'running' && state !== 'undoing'
  await sql`
    update transaction set state = ${state}, error = ${error && toJsonb(error)},
      ended_at = ${ended ? sql`greatest(started_at, now())` : null}
    where id = ${transaction.id} and epoch = ${transaction.epoch}`.execute(tx)
}

/** The database's short number of a model, given out when it is first used. */
export async function modelNumber(tx: Tx, model: string): Promise<number> {
  // Looked up first: an upsert would lock the row, and every tenant's commits wait in line for it.
  const known = await sql<{ id: number }>`select id from model where name = ${model}`.execute(tx)
  if (known.rows[0] !== undefined) return known.rows[0].id
  const { rows } = await sql<{ id: number }>`
    insert into model (name) values (${model})
    on conflict (name) do update set name = excluded.name returning id`.execute(tx)
  return rows[0]?.id ?? 0
}

/** Stores an edge, or takes it away; answers whether it was otherwise before. */
export async function setEdge(
  tx: Tx,
  { tenantId, nodePath }: { tenantId: number; nodePath: string },
  { kind, from, to, present }: Edge,
): Promise<boolean> {
  const { rows } = present
    ? await sql`
        insert into link (tenant_id, kind, from_key, to_key, node_path)
        values (${tenantId}, ${kind}, ${from}, ${to}, ${nodePath})
        on conflict do nothing returning 1`.execute(tx)
    : await sql`
        delete from link where tenant_id = ${tenantId} and kind = ${kind}
          and from_key = ${from} and to_key = ${to} returning 1`.execute(tx)
  return rows.length > 0
}
