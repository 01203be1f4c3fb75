import type { Tx } from '../../store/scope.ts'
import type { ConnectionTable } from '../../store/tables/hierarchy.ts'

/** Answers whether the state was another one before; the words are kept up to date in any case. */
export async function changeConnection(
  tx: Tx,
  tenantId: number,
  wire: string,
  state: ConnectionTable['state'],
  message: string,
): Promise<boolean> {
  const ofWire = tx
    .updateTable('connection')
    .set({ state, message })
    .where('tenant_id', '=', tenantId)
    .where('wire', '=', wire)
  const { numUpdatedRows } = await ofWire.where('state', '!=', state).executeTakeFirst()
  if (numUpdatedRows > 0n) return true
  await ofWire.where('message', '!=', message).execute()
  return false
}
