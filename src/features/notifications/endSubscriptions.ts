import { dropSubscription } from '../../connectors/graph/subscriptions.ts'
import type { GraphTransport } from '../../connectors/graph/transport.ts'
import type { Actor } from '../../core/actor.ts'
import { asAppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Log } from '../../store/log.ts'
import { inScope } from '../../store/scope.ts'
import { record } from '../operation/record.ts'
import type { Store } from '../operation/store.ts'
import { recordAttempts } from './attempts.ts'
import { forgetForeign, selectSubscriptions } from './queries.ts'

export interface EndDependencies {
  store: Pick<Store, 'db' | 'clock'>
  openGraph: (place: { tenantId: number; scope: string }) => Promise<GraphTransport>
  log: Log
}

/**
 * Ends what a tenant that is about to be deleted subscribed to, while its credentials are still
 * there; each on record before it. As far as that goes: Microsoft may be away or the secret no
 * longer good, and what could not be ended runs out by itself within three days. None is made anew
 * for some minutes. Answers how many were left.
 */
export async function endSubscriptions(
  actor: Actor,
  { store, openGraph, log }: EndDependencies,
  { tenantId, nodePath }: { tenantId: number; nodePath: string },
  signal: AbortSignal,
): Promise<number> {
  const all = await inScope(store.db, nodePath, (tx) =>
    selectSubscriptions(tx, tenantId, 0, limits.subscriptionsAtOnce),
  )
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(limits.subscriptionsEndMs)])
  const subject = `tenant:${tenantId}`
  let left = 0
  for (const { id, foreignId, model } of all) {
    if (foreignId === null) continue
    const detail = { model, subscription: foreignId }
    const entry = { nodePath, tenantId, subject, detail }
    const confirm = recordAttempts(store, { ...entry, actor })
    try {
      const graph = await openGraph({ tenantId, scope: nodePath })
      await inScope(store.db, nodePath, (tx) =>
        record(tx, actor, { ...entry, action: 'subscription.drop' }),
      )
      await dropSubscription(graph, foreignId, { signal: bounded, confirm })
      const later = new Date(store.clock.now() + limits.subscriptionRetryMs)
      await inScope(store.db, nodePath, (tx) => forgetForeign(tx, id, later))
    } catch (thrown) {
      const { code, message } = asAppError(thrown, 'Ending the subscription')
      log.warn({ tenant: tenantId, subscription: id, code }, message)
      left += 1
    }
  }
  return left
}
