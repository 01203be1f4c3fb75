import { sql } from 'kysely'
import type { Filter } from '../../../core/filter.ts'
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
