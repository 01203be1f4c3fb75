import type { NotifierState } from './state.ts'
import type { Subscription } from './types.ts'

/** The tenant's subscriptions that still hold; the others are forgotten without a word. */
export function subscriptionsOf(
  state: Pick<NotifierState, 'clock' | 'notifier'>,
  tenantId: string,
): Map<string, Subscription> {
  const { subscriptions } = state.notifier
  const own = subscriptions.get(tenantId) ?? new Map<string, Subscription>()
  subscriptions.set(tenantId, own)
  const now = state.clock.now()
  for (const [id, { expiresAt }] of own) if (expiresAt <= now) own.delete(id)
  return own
}
