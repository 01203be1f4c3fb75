import { sql } from 'kysely'
import type { JsonObject } from '../../../core/json.ts'
import type { Tx } from '../../../store/scope.ts'

/** Whole objects by their ids. */
export async function selectManyData(
  tx: Tx,
  tenantId: number,
  ids: readonly number[],
): Promise<Map<number, JsonObject>> {
  const { rows } = await sql<{ id: number; data: JsonObject }>`
    select id, data from resource_data
    where tenant_id = ${tenantId} and id = any(${ids}::bigint[])`.execute(tx)
  return new Map(rows.map((row) => [row.id, row.data]))
}
