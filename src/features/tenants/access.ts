import { type Actor, type Operation, requirePermission } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import type { Tx } from '../../store/scope.ts'
import { notFound } from '../operation/notFound.ts'
import type { Store } from '../operation/store.ts'
import { type OpenedTenant, openTenants, showTenants, type TenantAnswer } from './answer.ts'
import { selectTenant, selectTenantPath, type TenantRow } from './queries.ts'

/** The type by which access profiles name tenants. */
export const tenantType = 'relation/MicrosoftTenant'

/** The tenant, when the actor may do `operation` with it. Throws `not-found`, `not-permitted`. */
export async function permittedTenant(
  tx: Tx,
  store: Store,
  actor: Actor,
  operation: Operation,
  tenantId: number,
  lock?: 'update',
): Promise<OpenedTenant> {
  const row = await selectTenant(tx, tenantId, lock)
  if (row === undefined) throw notFound('tenant')
  requirePermission(actor, operation, tenantType, row.node_path)
  return await openTenant(tx, store, row)
}

/**
 * The path of the tenant's node, when the actor may do `operation` on objects of `type` there. With
 * `share` the tenant stays where it is until the transaction ends, for what is written at the path.
 * Readers take none: such a lock is a write of its own, to a row that all of them would share.
 */
export async function permittedTenantPath(
  tx: Tx,
  actor: Actor,
  operation: Operation,
  type: string,
  tenantId: number,
  lock?: 'share',
): Promise<string> {
  const nodePath = await selectTenantPath(tx, tenantId, lock)
  if (nodePath === undefined) throw notFound('tenant')
  requirePermission(actor, operation, type, nodePath)
  return nodePath
}

export async function openTenant(tx: Tx, store: Store, row: TenantRow): Promise<OpenedTenant> {
  const [opened] = await openTenants(tx, store.vault, [row])
  return opened ?? lost()
}

export async function showTenant(tx: Tx, tenant: OpenedTenant): Promise<TenantAnswer> {
  const [answer] = await showTenants(tx, [tenant])
  return answer ?? lost()
}

function lost(): never {
  throw new AppError('internal', 'A tenant that was just read is not there.')
}
