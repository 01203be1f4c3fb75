import { type Actor, mayDo } from '../../core/actor.ts'
import type { Clock } from '../../core/clock.ts'
import { markModelsDue } from '../../engine/due/queries.ts'
import type { Models } from '../../engine/models/versions/versions.ts'
import type { Database } from '../../store/database.ts'
import { inScope } from '../../store/scope.ts'
import type { TenantAnswer } from '../tenants/answer.ts'
import { syncType } from './queueSync.ts'

/**
 * Marks every model of a tenant that was just saved to be synced, where the tenant wants so and who
 * saved it may sync. A mark and no sync yet: what is saved twice in a row is synced once.
 */
export async function syncOnSave(
  actor: Actor,
  { db, clock, models }: { db: Database; clock: Clock; models: Models },
  tenant: TenantAnswer,
): Promise<TenantAnswer> {
  const { id: tenantId, nodePath, sync } = tenant
  if (!sync.onSave || !mayDo(actor, 'Execute', syncType, nodePath)) return tenant
  const all = (await models.current()).map((model) => model.id)
  const dueAt = new Date(clock.now())
  await inScope(db, nodePath, (tx) =>
    markModelsDue(tx, { tenantId, nodePath }, all, { dueAt, cause: `tenant:${tenantId}`, actor }),
  )
  return tenant
}
