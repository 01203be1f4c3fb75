import { sql } from 'kysely'
import { type Author, authorOf } from '../../core/actor.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Tx } from '../../store/scope.ts'
import type { RunTable } from '../../store/tables/syncs.ts'
import { toJsonb } from '../../store/text.ts'

export interface RunRow {
  id: number
  tenantId: number
  nodePath: string
  state: RunTable['state']
  fullList: boolean
  actor: Author
  requestedAt: Date
  startedAt: Date | null
  endedAt: Date | null
  error: JsonObject | null
}

export interface RunModelRow {
  runId: number
  model: string
  phase: string
  added: number
  updated: number
  removed: number
  unchanged: number
  rejected: number
  requests: number
  startedAt: Date | null
  endedAt: Date | null
  error: JsonObject | null
}

const runColumns = sql`id, tenant_id as "tenantId", node_path as "nodePath", state,
  full_list as "fullList", actor, requested_at as "requestedAt", started_at as "startedAt",
  ended_at as "endedAt", error`

export async function selectRun(tx: Tx, id: number, lock = false): Promise<RunRow | undefined> {
  const { rows } = await sql<RunRow>`
    select ${runColumns} from run where id = ${id} ${lock ? sql`for update` : sql``}`.execute(tx)
  return rows[0]
}

export async function selectActiveRun(tx: Tx, tenantId: number): Promise<RunRow | undefined> {
  const { rows } = await sql<RunRow>`
    select ${runColumns} from run
    where tenant_id = ${tenantId} and state in ('queued', 'running')`.execute(tx)
  return rows[0]
}

/** Newest first, before an id. */
export async function selectRuns(
  tx: Tx,
  tenantId: number | undefined,
  before: number | undefined,
  limit: number,
): Promise<RunRow[]> {
  const { rows } = await sql<RunRow>`
    select ${runColumns} from run
    where (${tenantId ?? null}::bigint is null or tenant_id = ${tenantId ?? null})
      and (${before ?? null}::bigint is null or id < ${before ?? null})
    order by id desc limit ${limit}`.execute(tx)
  return rows
}

export async function selectRunModels(tx: Tx, runIds: readonly number[]): Promise<RunModelRow[]> {
  if (runIds.length === 0) return []
  const { rows } = await sql<RunModelRow>`
    select run_id as "runId", m.name as model, phase, added, updated, removed, unchanged, rejected,
      requests, started_at as "startedAt", ended_at as "endedAt", error
    from run_model join model m on m.id = model_id
    where run_id = any(${runIds}) order by run_id, seq`.execute(tx)
  return rows
}

export async function insertRun(
  tx: Tx,
  run: { tenantId: number; nodePath: string; fullList: boolean; actor: Author },
): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    insert into run (tenant_id, node_path, state, full_list, actor)
    values (${run.tenantId}, ${run.nodePath}, 'queued', ${run.fullList}, ${toJsonb(authorOf(run.actor))})
    returning id`.execute(tx)
  return rows[0]?.id ?? 0
}

/** Each with the version in force now, which the run then keeps. */
export async function insertRunModels(
  tx: Tx,
  runId: number,
  nodePath: string,
  models: readonly string[],
): Promise<void> {
  await sql`
    insert into run_model (run_id, seq, model_id, node_path, version_id)
    select ${runId}, wanted.seq, m.id, ${nodePath}, a.version_id
    from unnest(${models}::text[]) with ordinality as wanted (name, seq)
    join model m on m.name = wanted.name
    left join model_activation a on a.id = m.activation_id`.execute(tx)
}

export async function askToCancelRun(tx: Tx, runId: number): Promise<void> {
  await sql`update run set cancel_asked = true where id = ${runId}`.execute(tx)
}

export interface RejectedRow {
  model: string
  key: string | null
  reason: string
  at: Date
}

/** In the order they were found. At most `limits.syncRejectedMax` of a model, so offsets do. */
export async function selectRejected(
  tx: Tx,
  runId: number,
  offset: number,
  limit: number,
): Promise<RejectedRow[]> {
  const { rows } = await sql<RejectedRow>`
    select m.name as model, key, reason, at from sync_rejected join model m on m.id = model_id
    where run_id = ${runId} order by at, key, reason offset ${offset} limit ${limit}`.execute(tx)
  return rows
}

export interface RemovalRow {
  id: number
  model: string
  key: string
  name: string
  reason: string
  state: string
}

export async function selectRemovals(
  tx: Tx,
  runId: number,
  state: string | undefined,
  after: number,
  limit: number,
): Promise<RemovalRow[]> {
  const { rows } = await sql<RemovalRow>`
    select resource_id as id, m.name as model, removal.key, r.name, reason, state from removal
    join model m on m.id = removal.model_id
    join resource r on r.id = resource_id
    where run_id = ${runId} and resource_id > ${after}
      and (${state ?? null}::text is null or state = ${state ?? null})
    order by resource_id limit ${limit}`.execute(tx)
  return rows
}

/** Answers how many were held of the models named, or of all. */
export async function decideRemovals(
  tx: Tx,
  runId: number,
  decision: 'approved' | 'refused',
  models: readonly string[] | undefined,
): Promise<number> {
  const { numAffectedRows } = await sql`
    update removal set state = ${decision}
    where run_id = ${runId} and state = 'held' and (${models ?? null}::text[] is null
      or model_id in (select id from model where name = any(${models ?? null})))`.execute(tx)
  return Number(numAffectedRows ?? 0)
}

export async function requeueRun(tx: Tx, runId: number): Promise<void> {
  await sql`
    update run set state = 'queued', ended_at = null, cancel_asked = false
    where id = ${runId}`.execute(tx)
}
