import type { subscriptionRoutes } from '../../contract/notifications.ts'
import type { RouteAnswer } from '../../contract/route.ts'
import type { Actor } from '../../core/actor.ts'
import { listById } from '../operation/listById.ts'
import type { PageQuery } from '../operation/paging.ts'
import { showFailure, showTime } from '../operation/show.ts'
import type { Store } from '../operation/store.ts'
import { selectSubscriptions } from './queries.ts'

/** What Microsoft was asked to notify of, within the scope. */
export async function listSubscriptions(
  actor: Actor,
  { db, clock }: Pick<Store, 'db' | 'clock'>,
  query: PageQuery & { tenantId?: number | undefined },
): Promise<RouteAnswer<typeof subscriptionRoutes.list>> {
  const now = clock.now()
  return await listById(
    { actor, db, type: 'data/Subscription' },
    query,
    (tx, after, limit) => selectSubscriptions(tx, query.tenantId, after, limit),
    ({ id, tenantId, model, foreignId, expiresAt, actAt, error }) => ({
      ...{ id, tenantId, model, expiresAt: showTime(expiresAt), nextAt: actAt.toISOString() },
      active: foreignId !== null && expiresAt !== null && expiresAt.getTime() > now,
      error: showFailure(error),
    }),
  )
}
