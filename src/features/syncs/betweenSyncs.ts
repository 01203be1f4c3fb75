import type { Actor } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import type { Tx } from '../../store/scope.ts'
import { permittedTenantPath } from '../tenants/access.ts'
import { selectTenant } from '../tenants/queries.ts'
import { selectActiveRun } from './queries.ts'

/**
 * For what a sync must not meet half-way, such as a rule it goes by: the path of the tenant's node,
 * when the actor may update objects of `type` there. Throws `conflict` while a sync is under way.
 */
export async function betweenSyncs(
  tx: Tx,
  actor: Actor,
  type: string,
  tenantId: number,
): Promise<string> {
  // Whoever starts a sync takes a share of the tenant's row, so none begins before this commits.
  await selectTenant(tx, tenantId, 'update')
  const nodePath = await permittedTenantPath(tx, actor, 'Update', type, tenantId, 'share')
  const active = await selectActiveRun(tx, tenantId)
  if (active === undefined) return nodePath
  const why = `Sync ${active.id} of this tenant is under way.`
  throw new AppError('conflict', `${why} Nothing was changed; repeat it afterwards.`)
}
