import { sql } from 'kysely'
import type { Author } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import type { Change, JsonObject } from '../../core/json.ts'
import type { RejectedObject } from '../../core/readObject.ts'
import { isUniqueViolation } from '../../store/errors.ts'
import type { Tx } from '../../store/scope.ts'
import type { RunModelTable, RunTable } from '../../store/tables/syncs.ts'
import { toJsonb } from '../../store/text.ts'
import { type Row, rowArrays, rowsGiven } from '../row.ts'

export interface Run {
  id: number
  tenantId: number
  nodePath: string
  state: RunTable['state']
  fullList: boolean
  actor: Author
  epoch: number
}

export type Phase = RunModelTable['phase']['__select__']

export interface RunModel {
  modelId: number
  model: string
  /** Null where the run is older than versions are. */
  versionId: number | null
  phase: Phase
  /** Whether this run read a complete list: only then does absence mean anything. */
  listed: boolean
  /** Pages read so far. */
  pageSeq: number
  deltaCursor: string | null
}

export const noCounts = { added: 0, updated: 0, removed: 0, unchanged: 0, rejected: 0, requests: 0 }
export type Counts = typeof noCounts

/**
 * Takes the run: whoever worked on it before is refused from here on. Undefined when it has ended.
 */
export async function claimRun(tx: Tx, id: number): Promise<Run | undefined> {
  const { rows } = await sql<Run>`
    update run set epoch = epoch + 1, state = 'running',
      started_at = coalesce(started_at, greatest(requested_at, now()))
    where id = ${id} and state in ('queued', 'running')
    returning id, tenant_id as "tenantId", node_path as "nodePath", state,
      full_list as "fullList", actor, epoch`.execute(tx)
  return rows[0]
}

/**
 * Keeps the run from being taken over during this commit; several pages may hold it at once.
 * Undefined: another worker has taken it over.
 */
export async function holdRun(tx: Tx, run: Run): Promise<{ cancelAsked: boolean } | undefined> {
  const { rows } = await sql<{ cancelAsked: boolean }>`
    select cancel_asked as "cancelAsked" from run
    where id = ${run.id} and epoch = ${run.epoch} and state = 'running' for share`.execute(tx)
  return rows[0]
}

export async function runModels(tx: Tx, runId: number): Promise<RunModel[]> {
  const { rows } = await sql<RunModel>`
    select rm.model_id as "modelId", m.name as model, version_id as "versionId", phase, listed, page_seq as "pageSeq",
      delta_cursor as "deltaCursor"
    from run_model rm join model m on m.id = rm.model_id
    where run_id = ${runId} order by seq`.execute(tx)
  return rows
}

/** Moves a model of a run on to another phase. */
export async function moveRunModel(
  tx: Tx,
  runId: number,
  state: RunModel,
  requests: number,
): Promise<void> {
  const ended = state.phase === 'done' || state.phase === 'held' || state.phase === 'failed'
  await sql`
    update run_model set phase = ${state.phase}, listed = ${state.listed},
      delta_cursor = ${state.deltaCursor}, requests = requests + ${requests},
      started_at = coalesce(started_at, now()),
      ended_at = ${ended ? sql`greatest(started_at, now())` : null}
    where run_id = ${runId} and model_id = ${state.modelId}`.execute(tx)
}

/** Counts removals that were settled. */
export async function countRemoved(
  tx: Tx,
  runId: number,
  modelId: number,
  counted: { removed: number; requests: number },
): Promise<void> {
  await sql`
    update run_model set removed = removed + ${counted.removed},
      requests = requests + ${counted.requests}
    where run_id = ${runId} and model_id = ${modelId}`.execute(tx)
}

/**
 * Counts a page, and keeps where the next delta begins when it says so; answers how many pages
 * there are now. Last in a page's commit: pages stored side by side wait for each other here.
 */
export async function countPage(
  tx: Tx,
  runId: number,
  modelId: number,
  count: Omit<Counts, 'removed'>,
  resume: string | undefined,
): Promise<number> {
  const { rows } = await tx.client.query<{ pages: number }>({
    name: 'count-page',
    text: `update run_model set page_seq = page_seq + 1, added = added + $3,
             updated = updated + $4, unchanged = unchanged + $5, rejected = rejected + $6,
             requests = requests + $7, delta_cursor = coalesce($8, delta_cursor)
           where run_id = $1 and model_id = $2 returning page_seq as pages`,
    values: [
      ...[runId, modelId, count.added, count.updated, count.unchanged, count.rejected],
      ...[count.requests, resume ?? null],
    ],
  })
  return rows[0]?.pages ?? 0
}

export async function failRunModel(
  tx: Tx,
  runId: number,
  modelId: number,
  error: JsonObject,
  requests: number,
): Promise<void> {
  await sql`
    update run_model set phase = 'failed', error = ${toJsonb(error)},
      ended_at = greatest(started_at, now()),
      started_at = coalesce(started_at, now()), requests = requests + ${requests}
    where run_id = ${runId} and model_id = ${modelId}`.execute(tx)
}

/** The pages a run saw served its removals alone; kept, they would grow with every sync. */
export async function endRun(
  tx: Tx,
  run: Run,
  state: RunTable['state'],
  error: JsonObject | null,
): Promise<void> {
  await sql`
    update run set state = ${state}, ended_at = greatest(started_at, now()),
      error = ${error && toJsonb(error)}
    where id = ${run.id}`.execute(tx)
  await sql`delete from sync_page where run_id = ${run.id}`.execute(tx)
}

export interface ModelOutcome {
  phase: Phase
  rejected: number
}

export async function modelOutcomes(tx: Tx, runId: number): Promise<ModelOutcome[]> {
  const { rows } = await sql<ModelOutcome>`
    select phase, rejected from run_model where run_id = ${runId}`.execute(tx)
  return rows
}

/** Undefined also where another version of the model made it: it knows other properties. */
export async function deltaCursorOf(
  tx: Tx,
  tenantId: number,
  { modelId, versionId }: RunModel,
): Promise<string | undefined> {
  const { rows } = await sql<{ cursor: string | null }>`
    select delta_cursor as cursor from sync_state
    where tenant_id = ${tenantId} and model_id = ${modelId}
      and version_id is not distinct from ${versionId}`.execute(tx)
  return rows[0]?.cursor ?? undefined
}

export async function saveDeltaCursor(tx: Tx, run: Run, state: RunModel): Promise<void> {
  await sql`
    insert into sync_state
      (tenant_id, model_id, version_id, node_path, delta_cursor, listed_at, synced_at)
    values (${run.tenantId}, ${state.modelId}, ${state.versionId}, ${run.nodePath},
      ${state.deltaCursor}, ${state.listed ? sql`now()` : null}, now())
    on conflict (tenant_id, model_id) do update set delta_cursor = excluded.delta_cursor,
      version_id = excluded.version_id,
      listed_at = coalesce(excluded.listed_at, sync_state.listed_at), synced_at = now()`.execute(tx)
}

export async function hasRows(tx: Tx, tenantId: number, modelId: number): Promise<boolean> {
  const { rows } = await sql`
    select from resource where tenant_id = ${tenantId} and model_id = ${modelId} limit 1`.execute(
    tx,
  )
  return rows.length > 0
}

export interface KnownRow {
  id: number
  key: string
  hash: string
  gone: boolean
}

/**
 * What is stored under these keys already; the hash in hex. One look-up per key, spelled out: for
 * `key = any(...)` the planner, before it has statistics, walks every row of the model instead,
 * page after page (23 s instead of 5 s for 100,000 unchanged users).
 */
export async function knownRows(
  tx: Tx,
  tenantId: number,
  modelId: number,
  keys: readonly string[],
): Promise<Map<string, KnownRow>> {
  const { rows } = await tx.client.query<KnownRow>({
    name: 'known-rows',
    text: `select known.* from unnest($3::text[]) as wanted (key) cross join lateral (
             select id, key, encode(hash, 'hex') as hash, removed_at is not null as gone
             from resource where tenant_id = $1 and model_id = $2 and key = wanted.key limit 1
           ) as known`,
    values: [tenantId, modelId, keys],
  })
  return new Map(rows.map((row) => [row.key, row]))
}

export async function dataOf(
  tx: Tx,
  tenantId: number,
  ids: readonly number[],
): Promise<Map<number, JsonObject>> {
  if (ids.length === 0) return new Map()
  const { rows } = await sql<{ id: number; data: JsonObject }>`
    select id, data from resource_data
    where tenant_id = ${tenantId} and id = any(${ids})`.execute(tx)
  return new Map(rows.map((row) => [row.id, row.data]))
}

/**
 * Writes rows that are not stored yet, and answers the ids they got. Nobody but this run brings new
 * rows of the tenant, so there is no `on conflict`, which costs a fifth of the insert; should a
 * list bring an object twice, the page is refused as `conflict`, to be stored again. The rows get
 * their ids on the way in: both tables are filled from there, without a join over what the first
 * returned.
 */
export async function insertRows(
  tx: Tx,
  place: { tenantId: number; modelId: number; nodePath: string },
  rows: readonly Row[],
): Promise<number[]> {
  if (rows.length === 0) return []
  const insert = tx.client.query<{ ids: number[] }>({
    name: 'insert-rows',
    text: `
      with incoming as materialized (
        select nextval('patchbay.resource_id_seq') as id, given.* from ${rowsGiven}
      ), narrow as (
        insert into resource (id, tenant_id, model_id, key, node_path, name, cols, hash)
        overriding system value select id, $6, $7, key, $8, name, cols::text[], hash from incoming
      ), wide as (
        insert into resource_data (tenant_id, id, node_path, data)
        select $6, id, $8, data from incoming
      )
      select array_agg(id) as ids from incoming`,
    values: [...rowArrays(rows), place.tenantId, place.modelId, place.nodePath],
  })
  const result = await orConflict(insert)
  return result.rows[0]?.ids ?? []
}

/** An insert that expects nothing of its kind to be there: it fails as `conflict` when it is. */
export async function orConflict<T>(insert: Promise<T>): Promise<T> {
  try {
    return await insert
  } catch (error) {
    if (isUniqueViolation(error)) throw alreadyThere(error)
    throw error
  }
}

/** Writes rows that are stored already and differ, or had been removed. */
export async function updateRows(
  tx: Tx,
  place: { tenantId: number; modelId: number },
  rows: readonly Row[],
): Promise<void> {
  if (rows.length === 0) return
  await tx.client.query({
    name: 'update-rows',
    text: `
      with written as (
        update resource set name = given.name, cols = given.cols::text[], hash = given.hash,
          changed_at = now(), removed_at = null
        from ${rowsGiven} where tenant_id = $6 and model_id = $7 and resource.key = given.key
        returning resource.id, given.data
      )
      update resource_data set data = written.data from written
      where tenant_id = $6 and resource_data.id = written.id`,
    values: [...rowArrays(rows), place.tenantId, place.modelId],
  })
}

function alreadyThere(cause: unknown): AppError {
  const what = 'Somebody else stored the same object at the same moment; the page is stored again.'
  return new AppError('conflict', what, { cause })
}

export async function recordChanges(
  tx: Tx,
  place: { tenantId: number; nodePath: string },
  cause: string,
  changes: readonly { id: number; patch: Change[] }[],
): Promise<void> {
  if (changes.length === 0) return
  await sql`
    insert into resource_change (tenant_id, id, node_path, cause, patch)
    select ${place.tenantId}, id, ${place.nodePath}, ${cause}, patch::jsonb
    from unnest(${changes.map((change) => change.id)}::bigint[],
      ${changes.map((change) => toJsonb(change.patch))}::text[]) as c (id, patch)`.execute(tx)
}

/** Keeps rejected objects up to `max` of a run and model: enough to see what is wrong. */
export async function saveRejected(
  tx: Tx,
  run: Run,
  modelId: number,
  rejected: readonly RejectedObject[],
  max: number,
): Promise<void> {
  if (rejected.length === 0) return
  await sql`
    insert into sync_rejected (run_id, model_id, key, reason, node_path)
    select ${run.id}, ${modelId}, key, reason, ${run.nodePath}
    from unnest(${rejected.map((one) => one.key ?? null)}::text[],
      ${rejected.map((one) => one.reason)}::text[]) as r (key, reason)
    limit greatest(0, ${max} - (select count(*) from sync_rejected
      where run_id = ${run.id} and model_id = ${modelId}))`.execute(tx)
}
