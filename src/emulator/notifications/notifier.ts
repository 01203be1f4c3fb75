import { rootCertificates } from 'node:tls'
import { dateText } from '../dates.ts'
import type { DirectoryChange } from '../directory/changes.ts'
import type { Tenant } from '../directory/types.ts'
import type { NotifierSettings } from '../options.ts'
import { enqueue } from './deliver.ts'
import type { NotifierState } from './state.ts'
import { subscriptionsOf } from './subscriptions.ts'
import type { Notifier, Subscription, Watched } from './types.ts'

export function newNotifier(
  given: Partial<NotifierSettings>,
  ownCa: string,
  faultOf: Notifier['faultOf'],
): Notifier {
  const settings = {
    loopbackHttp: false,
    ca: undefined,
    delayMs: 50,
    retryFirstMs: 1_000,
    ...given,
  }
  const { ca } = settings
  return {
    settings,
    subscriptions: new Map(),
    queue: [],
    samples: new Map(),
    inFlight: 0,
    waiting: undefined,
    closed: new AbortController(),
    trusted: [...rootCertificates, ownCa, ...(ca === undefined ? [] : [ca])],
    faultOf,
  }
}

/** From now on the tenant is served, and changes of it are told to those who subscribe. */
export function addTenant(state: NotifierState, tenant: Tenant): void {
  state.tenants.set(tenant.id, tenant)
  tenant.changes.listen = (change) => noticeChange(state, tenant, change)
}

/** Tells whoever watches it of a change. */
function noticeChange(state: NotifierState, tenant: Tenant, change: DirectoryChange): void {
  // Asked first, since a tenant is changed far more often than it is watched.
  if ((state.notifier.subscriptions.get(tenant.id)?.size ?? 0) === 0) return
  const changeType = change.what === 'purged' ? 'deleted' : 'updated'
  for (const subscription of subscriptionsOf(state, tenant.id).values()) {
    const { watched } = subscription
    if (!subscription.changeType.split(',').includes(changeType)) continue
    if (!concerns(watched, change)) continue
    notify(state, subscription, changeType, change)
  }
}

function concerns({ type, id, membersOnly }: Watched, change: DirectoryChange): boolean {
  if (change.type !== type || (id !== undefined && change.id !== id)) return false
  return !membersOnly || change.link?.relation === 'members'
}

function notify(
  state: NotifierState,
  subscription: Subscription,
  changeType: string,
  { type, id, link }: DirectoryChange,
): void {
  const path = `/${type}s/${id}`
  const { tenantId } = subscription
  const fault = state.notifier.faultOf(tenantId, path)
  if (fault?.name === 'notification-lost') return
  const resource = type === 'user' ? `Users/${id}` : `Groups/${id}`
  const linked =
    link === undefined || link.relation === 'manager'
      ? {}
      : {
          [`${link.relation}@delta`]: [
            { id: link.otherId, ...(link.added ? {} : { '@removed': 'deleted' }) },
          ],
        }
  const body = {
    changeType,
    clientState: subscription.clientState,
    resource,
    resourceData: {
      '@odata.type': type === 'user' ? '#Microsoft.Graph.User' : '#Microsoft.Graph.Group',
      '@odata.id': resource,
      id,
      organizationId: tenantId,
      sequenceNumber: state.clock.now(),
      ...linked,
    },
    subscriptionExpirationDateTime: dateText(subscription.expiresAt),
    subscriptionId: subscription.id,
    tenantId,
  }
  const late = fault?.name === 'notification-late' ? Number(fault.value ?? 60_000) : 0
  const delivery = {
    url: subscription.notificationUrl,
    tenantId,
    lifecycle: false,
    notice: { subscriptionId: subscription.id, body },
    delayMs: state.notifier.settings.delayMs + late,
  }
  enqueue(state, delivery)
  if (fault?.name === 'notification-duplicated') enqueue(state, delivery)
}
