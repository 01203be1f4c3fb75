import type { Selectable } from 'kysely'
import type { JsonObject } from '../../core/json.ts'
import type { Tx } from '../../store/scope.ts'
import type { SecondCredentialTable } from '../../store/tables/credentials.ts'
import { toJsonb } from '../../store/text.ts'

export type SecondRow = Selectable<SecondCredentialTable>

/** One tenant's credential, by what tells it from newer ones. */
export interface CredentialKey {
  tenantId: number
  nodePath: string
  version: string
}

/** Answers true to the one who may ask again after a refusal; the others wait until `next`. */
export async function takeTurn(
  tx: Tx,
  { tenantId, version }: CredentialKey,
  now: Date,
  next: Date,
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('credential_refusal')
    .set({ quiet_until: next })
    .where('tenant_id', '=', tenantId)
    .where('version', '=', version)
    .where('quiet_until', '<=', now)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

export async function selectRefusal(
  tx: Tx,
  { tenantId, version }: CredentialKey,
): Promise<{ error: JsonObject; quiet_until: Date } | undefined> {
  return await tx
    .selectFrom('credential_refusal')
    .select(['error', 'quiet_until'])
    .where('tenant_id', '=', tenantId)
    .where('version', '=', version)
    .executeTakeFirst()
}

/** Refusals of former credentials of the tenant go with it: nobody asks for them any more. */
export async function keepRefusal(
  tx: Tx,
  { tenantId, nodePath, version }: CredentialKey,
  error: JsonObject,
  quietUntil: Date,
): Promise<void> {
  const values = { node_path: nodePath, error: toJsonb(error), quiet_until: quietUntil }
  await tx
    .insertInto('credential_refusal')
    .values({ tenant_id: tenantId, version, ...values })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'version']).doUpdateSet(values))
    .execute()
}

export async function dropRefusal(
  tx: Tx,
  { tenantId, version }: Pick<CredentialKey, 'tenantId' | 'version'>,
): Promise<void> {
  await tx
    .deleteFrom('credential_refusal')
    .where('tenant_id', '=', tenantId)
    .where('version', '=', version)
    .execute()
}

export async function selectSecond(tx: Tx, tenantId: number): Promise<SecondRow | undefined> {
  return await tx
    .selectFrom('second_credential')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst()
}

/** This version of it was tested just now. */
export async function noteTested(tx: Tx, key: CredentialKey, at: Date): Promise<void> {
  const { tenantId, nodePath, version } = key
  const values = { node_path: nodePath, version, tested_at: at, stepped_in_at: null }
  await tx
    .insertInto('second_credential')
    .values({ tenant_id: tenantId, ...values })
    .onConflict((conflict) => conflict.column('tenant_id').doUpdateSet(values))
    .execute()
}

export async function dropSecond(tx: Tx, tenantId: number): Promise<void> {
  await tx.deleteFrom('second_credential').where('tenant_id', '=', tenantId).execute()
}

/** Answers whether it is new that it steps in (a time) or out (null). */
export async function stepSecond(tx: Tx, tenantId: number, at: Date | null): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('second_credential')
    .set({ stepped_in_at: at })
    .where('tenant_id', '=', tenantId)
    .where('stepped_in_at', at === null ? 'is not' : 'is', null)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}
