import { sql } from 'kysely'
import { limits } from '../../../core/limits.ts'
import type { Tx } from '../../../store/scope.ts'
import type { Run, RunModel } from '../queries.ts'
import { mayRemove } from '../rules/queries.ts'

export interface Removal {
  resourceId: number
  key: string
  reason: 'reported' | 'absent'
}

/** Marks objects the service reported removed. An object reported again is due again. */
export async function reportRemovals(
  tx: Tx,
  run: Run,
  modelId: number,
  keys: readonly string[],
): Promise<void> {
  if (keys.length === 0) return
  await sql`
    insert into removal (run_id, resource_id, model_id, key, node_path, reason, state)
    select ${run.id}, id, model_id, key, node_path, 'reported', 'due' from resource
    where tenant_id = ${run.tenantId} and model_id = ${modelId} and key = any(${keys})
      and removed_at is null and ${mayRemove(run.tenantId, modelId)}
    on conflict (run_id, resource_id) do update set state = 'due', reason = 'reported'`.execute(tx)
}

/**
 * Objects seen after they were reported removed are there after all: the last word of a round
 * counts.
 */
export async function disproveRemovals(
  tx: Tx,
  runId: number,
  resourceIds: readonly number[],
): Promise<void> {
  if (resourceIds.length === 0) return
  await sql`
    update removal set state = 'disproved'
    where run_id = ${runId} and state = 'due' and resource_id = any(${resourceIds})`.execute(tx)
}

export async function forgetRemovals(tx: Tx, run: Run, { modelId }: RunModel): Promise<void> {
  await sql`delete from removal where run_id = ${run.id} and model_id = ${modelId}`.execute(tx)
}

/**
 * Marks what is stored but was on no page of this run's complete list nor of the delta behind it.
 */
export async function findAbsent(tx: Tx, run: Run, modelId: number): Promise<void> {
  await sql`
    insert into removal (run_id, resource_id, model_id, key, node_path, reason, state)
    select ${run.id}, r.id, r.model_id, r.key, r.node_path, 'absent', 'due' from resource r
    where r.tenant_id = ${run.tenantId} and r.model_id = ${modelId} and r.removed_at is null
      and ${mayRemove(run.tenantId, modelId)}
      and r.id not in (select unnest(ids) from sync_page
        where run_id = ${run.id} and model_id = ${modelId})
    on conflict (run_id, resource_id) do nothing`.execute(tx)
}

export async function countRemovals(
  tx: Tx,
  runId: number,
  modelId: number,
  state: 'due' | 'held',
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from removal
    where run_id = ${runId} and model_id = ${modelId} and state = ${state}`.execute(tx)
  return rows[0]?.count ?? 0
}

export async function holdRemovals(tx: Tx, runId: number, modelId: number): Promise<void> {
  await sql`
    update removal set state = 'held'
    where run_id = ${runId} and model_id = ${modelId} and state = 'due'`.execute(tx)
}

export interface OpenRemoval extends Removal {
  approved: boolean
  /** The object came or changed so shortly ago that not every replica may know of it. */
  young: boolean
}

/** The next ones to settle: due ones that need no yes, and approved ones; in order of id. */
export async function nextRemovals(
  tx: Tx,
  { id, tenantId }: Run,
  modelId: number,
  limit: number,
  after = 0,
): Promise<OpenRemoval[]> {
  const { rows } = await sql<OpenRemoval>`
    select resource_id as "resourceId", removal.key, reason, state = 'approved' as approved,
      changed_at > now() - ${limits.appearMs} * interval '1 millisecond' as young
    from removal join resource r on r.tenant_id = ${tenantId} and r.id = resource_id
    where run_id = ${id} and removal.model_id = ${modelId} and state in ('due', 'approved')
      and resource_id > ${after}
    order by resource_id limit ${limit}`.execute(tx)
  return rows
}

export async function settleRemovals(
  tx: Tx,
  runId: number,
  resourceIds: readonly number[],
  state: 'done' | 'disproved',
): Promise<void> {
  await sql`
    update removal set state = ${state}
    where run_id = ${runId} and resource_id = any(${resourceIds})`.execute(tx)
}

export async function markRemoved(
  tx: Tx,
  tenantId: number,
  resourceIds: readonly number[],
): Promise<void> {
  await sql`
    update resource set removed_at = now(), changed_at = now()
    where tenant_id = ${tenantId} and id = any(${resourceIds}) and removed_at is null`.execute(tx)
}
