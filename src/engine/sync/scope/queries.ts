import { sql } from 'kysely'
import type { Filter } from '../../../core/filter.ts'
import type { JsonObject } from '../../../core/json.ts'
import type { Tx } from '../../../store/scope.ts'

/** What of a model the syncs of a tenant take in; undefined: everything. */
export async function scopeOf(
  tx: Tx,
  tenantId: number,
  modelId: number,
): Promise<Filter | undefined> {
  const { rows } = await sql<{ filter: Filter }>`
    select filter from sync_scope
    where tenant_id = ${tenantId} and model_id = ${modelId}`.execute(tx)
  return rows[0]?.filter
}

/**
 * What a list did not show and is still to be decided, with what is stored of it, in order of id.
 */
export async function absentWithData(
  tx: Tx,
  runId: number,
  modelId: number,
  after: number,
  limit: number,
): Promise<{ id: number; key: string; data: JsonObject }[]> {
  const { rows } = await sql<{ id: number; key: string; data: JsonObject }>`
    select removal.resource_id as id, removal.key, stored.data from removal
    join resource on resource.id = removal.resource_id
    join resource_data stored on stored.tenant_id = resource.tenant_id and stored.id = resource.id
    where run_id = ${runId} and removal.model_id = ${modelId} and reason = 'absent'
      and removal.state = 'due' and removal.resource_id > ${after}
    order by removal.resource_id limit ${limit}`.execute(tx)
  return rows
}
