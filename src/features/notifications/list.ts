import type { subscriptionRoutes } from '../../contract/notifications.ts'
import type { RouteAnswer } from '../../contract/route.ts'
import { type Actor, scopesPermitted } from '../../core/actor.ts'
import { inScope } from '../../store/scope.ts'
import { idCursor, type PageQuery, readPage } from '../operation/paging.ts'
import { showFailure, showTime } from '../operation/show.ts'
import type { Store } from '../operation/store.ts'
import { selectSubscriptions } from './queries.ts'

/** What Microsoft was asked to notify of, within the scope. */
export async function listSubscriptions(
  actor: Actor,
  { db, clock }: Pick<Store, 'db' | 'clock'>,
  query: PageQuery & { tenantId?: number | undefined },
): Promise<RouteAnswer<typeof subscriptionRoutes.list>> {
  const scopes = scopesPermitted(actor, 'Read', 'data/Subscription')
  const after = idCursor(query.after)
  const now = clock.now()
  return inScope(db, scopes, (tx) =>
    readPage(
      query,
      (limit) => selectSubscriptions(tx, query.tenantId, after, limit),
      ({ id, tenantId, model, foreignId, expiresAt, actAt, error }) => ({
        ...{ id, tenantId, model, expiresAt: showTime(expiresAt), nextAt: actAt.toISOString() },
        active: foreignId !== null && expiresAt !== null && expiresAt.getTime() > now,
        error: showFailure(error),
      }),
      (row) => String(row.id),
    ),
  )
}
