import type { Selectable } from 'kysely'
import type { JsonObject } from '../../core/json.ts'
import type { Tx } from '../../store/scope.ts'
import type { ConnectionTable, TenantTable } from '../../store/tables.ts'
import { toJsonb } from '../../store/text.ts'

export type TenantRow = Selectable<TenantTable>
export type ConnectionRow = Pick<
  Selectable<ConnectionTable>,
  'tenant_id' | 'wire' | 'state' | 'message' | 'checked_at'
>

export async function selectTenants(tx: Tx, afterId: number, limit: number): Promise<TenantRow[]> {
  return await tx
    .selectFrom('tenant')
    .selectAll()
    .where('id', '>', afterId)
    .orderBy('id')
    .limit(limit)
    .execute()
}

export async function selectTenant(
  tx: Tx,
  id: number,
  lock?: 'update',
): Promise<TenantRow | undefined> {
  const query = tx.selectFrom('tenant').selectAll().where('id', '=', id)
  return await (lock === undefined ? query : query.forUpdate()).executeTakeFirst()
}

export async function selectTenantAtNode(tx: Tx, nodeId: number): Promise<TenantRow | undefined> {
  return await tx.selectFrom('tenant').selectAll().where('node_id', '=', nodeId).executeTakeFirst()
}

/** The visible records of one Microsoft tenant, from the top down. */
export async function selectSameTenants(
  tx: Tx,
  cloud: string,
  microsoftTenantId: string,
): Promise<TenantRow[]> {
  return await tx
    .selectFrom('tenant')
    .selectAll()
    .where('cloud', '=', cloud)
    .where('microsoft_tenant_id', '=', microsoftTenantId)
    .orderBy('node_path')
    .execute()
}

export interface NewTenant {
  nodeId: number
  nodePath: string
  name: string
  cloud: string
  microsoftTenantId: string
  belowTenantId: number | null
  settings: JsonObject
}

export async function insertTenant(tx: Tx, tenant: NewTenant): Promise<TenantRow> {
  return await tx
    .insertInto('tenant')
    .values({
      node_id: tenant.nodeId,
      node_path: tenant.nodePath,
      name: tenant.name,
      cloud: tenant.cloud,
      microsoft_tenant_id: tenant.microsoftTenantId,
      below_tenant_id: tenant.belowTenantId,
      settings: toJsonb(tenant.settings),
    })
    .returningAll()
    .executeTakeFirstOrThrow()
}

export async function selectConnections(tx: Tx, ids: readonly number[]): Promise<ConnectionRow[]> {
  if (ids.length === 0) return []
  return await tx
    .selectFrom('connection')
    .select(['tenant_id', 'wire', 'state', 'message', 'checked_at'])
    .where('tenant_id', 'in', ids)
    .orderBy('wire')
    .execute()
}

export async function insertConnection(
  tx: Tx,
  tenant: Pick<TenantRow, 'id' | 'node_path'>,
  wire: string,
): Promise<void> {
  await tx
    .insertInto('connection')
    .values({ tenant_id: tenant.id, wire, node_path: tenant.node_path, state: 'untested' })
    .execute()
}

export interface HeldSecret {
  owner: string
  field: string
  changedAt: Date
}

export async function selectHeld(tx: Tx, owners: readonly string[]): Promise<HeldSecret[]> {
  if (owners.length === 0) return []
  return await tx
    .selectFrom('secret')
    .select(['owner', 'field', 'changed_at as changedAt'])
    .where('owner', 'in', owners)
    .execute()
}
