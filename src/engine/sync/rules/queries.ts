import { sql } from 'kysely'
import type { Tx } from '../../../store/scope.ts'

/** What a tenant's rule for a model forbids its syncs to do to our copy. */
export async function disabledOperations(
  tx: Tx,
  tenantId: number,
  modelId: number,
): Promise<ReadonlySet<string>> {
  const { rows } = await tx.client.query<{ disabled: string[] }>({
    name: 'disabled-operations',
    text: 'select disabled from sync_rule where tenant_id = $1 and model_id = $2',
    values: [tenantId, modelId],
  })
  return new Set(rows[0]?.disabled)
}

/** The models that a tenant's syncs leave out: nothing of them is asked of Microsoft. */
export async function leftOut(tx: Tx, tenantId: number): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ model: string }>`
    select m.name as model from sync_rule join model m on m.id = model_id
    where tenant_id = ${tenantId} and 'read' = any(disabled)`.execute(tx)
  return new Set(rows.map(({ model }) => model))
}

/** Whether objects that are gone may be marked so: a condition for the queries that find them. */
export function mayRemove(tenantId: number, modelId: number) {
  return sql<boolean>`not exists (select from sync_rule as rule where rule.tenant_id = ${tenantId}
    and rule.model_id = ${modelId} and 'remove' = any(rule.disabled))`
}
