import { type Actor, type Operation, requirePermission } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import type { Tx } from '../../store/scope.ts'
import { notFound } from '../hierarchy/access.ts'
import type { Store } from '../hierarchy/store.ts'
import { type OpenedTenant, openTenants, showTenants, type TenantAnswer } from './answer.ts'
import { selectTenant, type TenantRow } from './queries.ts'

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
