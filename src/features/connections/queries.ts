import type { Tx } from '../../store/scope.ts'
import type { ConnectionTable } from '../../store/tables/hierarchy.ts'

/** Answers whether the state was another one before. */
export async function changeConnection(
  tx: Tx,
  tenantId: number,
  wire: string,
  state: ConnectionTable['state'],
  message: string,
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('connection')
    .set({ state, message })
    .where('tenant_id', '=', tenantId)
    .where('wire', '=', wire)
    .where('state', '!=', state)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}
