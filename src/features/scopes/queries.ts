import { sql } from 'kysely'
import type { Filter } from '../../core/filter.ts'
import type { Tx } from '../../store/scope.ts'
import { toJsonb } from '../../store/text.ts'

export interface ScopeRow {
  model: string
  filter: Filter
}

export async function selectScopes(tx: Tx, tenantId: number): Promise<ScopeRow[]> {
  const { rows } = await sql<ScopeRow>`
    select m.name as model, filter from sync_scope join model m on m.id = model_id
    where tenant_id = ${tenantId} order by m.name`.execute(tx)
  return rows
}

/**
 * Sets or lifts a scope. Where the next delta would begin is forgotten, and that all was listed:
 * both were so under the old one.
 */
export async function saveScope(
  tx: Tx,
  { tenantId, nodePath }: { tenantId: number; nodePath: string },
  model: string,
  filter: Filter | null,
): Promise<void> {
  const modelId = sql`(select id from model where name = ${model})`
  await sql`delete from sync_scope
    where tenant_id = ${tenantId} and model_id = ${modelId}`.execute(tx)
  if (filter !== null) {
    await sql`insert into sync_scope (tenant_id, model_id, node_path, filter)
      values (${tenantId}, ${modelId}, ${nodePath}, ${toJsonb(filter)}::jsonb)`.execute(tx)
  }
  await sql`update sync_state set delta_cursor = null, listed_at = null
    where tenant_id = ${tenantId} and model_id = ${modelId}`.execute(tx)
}
