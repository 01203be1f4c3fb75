import { limits } from '../../core/limits.ts'
import { dateText } from '../dates.ts'
import { recordCall } from '../record.ts'
import { addSample, healthOf } from './health.ts'
import { post } from './post.ts'
import type { NotifierState } from './state.ts'
import { subscriptionsOf } from './subscriptions.ts'
import type { Delivery, LifecycleEvent, Notice, Subscription } from './types.ts'

interface Enqueued {
  url: string
  tenantId: string
  lifecycle: boolean
  notice: Notice
  delayMs: number
}

/** Puts a notification into the next request to its address, which may carry others already. */
export function enqueue(state: NotifierState, given: Enqueued): void {
  const { notifier, clock } = state
  const { url, tenantId, lifecycle, notice, delayMs } = given
  const dueAt = clock.now() + delayMs
  const open = notifier.queue.findLast(
    (one) =>
      one.url === url &&
      one.tenantId === tenantId &&
      one.lifecycle === lifecycle &&
      one.attempts === 0 &&
      one.dueAt <= dueAt &&
      one.dueAt > dueAt - notifier.settings.delayMs &&
      one.notices.length < limits.emulatorNotifyItemsMax,
  )
  if (open !== undefined) {
    open.notices.push(notice)
    return
  }
  if (notifier.queue.length >= limits.emulatorNotifyQueueMax) return
  const more = { triedAt: undefined, attempts: 0 }
  notifier.queue.push({ url, tenantId, lifecycle, notices: [notice], dueAt, ...more })
  deliverDue(state)
}

/** Sends what is due on the emulator's clock and comes back when the next is. */
export function deliverDue(state: NotifierState): void {
  const { notifier, clock } = state
  if (notifier.closed.signal.aborted) return
  const now = clock.now()
  const later: Delivery[] = []
  for (const delivery of notifier.queue) {
    const busy = notifier.inFlight >= limits.emulatorNotifyInFlight
    if (delivery.dueAt > now || busy) later.push(delivery)
    else {
      notifier.inFlight += 1
      void send(state, delivery).finally(() => {
        notifier.inFlight -= 1
        deliverDue(state)
      })
    }
  }
  notifier.queue = later
  notifier.waiting?.abort()
  const next = later.reduce((least, { dueAt }) => Math.min(least, dueAt), Number.POSITIVE_INFINITY)
  // One that is due and waits for a place is sent when a place is given back.
  if (next <= now || next === Number.POSITIVE_INFINITY) return
  const waiting = new AbortController()
  notifier.waiting = waiting
  clock.sleep(next - now, waiting.signal).then(
    () => deliverDue(state),
    () => undefined,
  )
}

async function send(state: NotifierState, delivery: Delivery): Promise<void> {
  const { notifier, clock } = state
  const notices = delivery.notices.filter((notice) => isWanted(state, delivery, notice))
  if (notices.length === 0) return
  const at = clock.now()
  delivery.triedAt ??= at
  const health = healthOf(notifier, delivery.url, at)
  if (health === 'dropped') return giveUp(state, { ...delivery, notices })
  if (health === 'slowed' && delivery.attempts === 0) await clock.sleep(limits.emulatorNotifySlowMs)
  delivery.attempts += 1
  const body = JSON.stringify({ value: notices.map((notice) => notice.body) })
  const content = { contentType: 'application/json; charset=utf-8', body }
  const answer = await post(notifier, new URL(delivery.url), content, limits.emulatorNotifyMs)
  const done = clock.now()
  addSample(notifier, delivery.url, { at: done, slow: done - at > limits.emulatorNotifySlowMs })
  const status = answer?.status ?? 0
  recordDelivery(state, delivery, { at, done, status, bytes: body.length })
  if (notifier.closed.signal.aborted || (status >= 200 && status < 300)) return
  if (done - delivery.triedAt > limits.emulatorNotifyTryMs) {
    giveUp(state, { ...delivery, notices })
    return
  }
  const wait = notifier.settings.retryFirstMs * 2 ** (delivery.attempts - 1)
  const dueAt = done + Math.min(wait, limits.emulatorNotifyRetryMaxMs)
  notifier.queue.push({ ...delivery, notices, dueAt })
}

/** A change is told only while its subscription holds and is authorized. */
function isWanted(
  state: NotifierState,
  { tenantId, lifecycle }: Delivery,
  notice: Notice,
): boolean {
  if (lifecycle) return true
  const now = state.clock.now()
  const subscription = state.notifier.subscriptions.get(tenantId)?.get(notice.subscriptionId)
  if (subscription === undefined || subscription.expiresAt <= now) return false
  return subscription.authorizedUntil === undefined || subscription.authorizedUntil > now
}

/** Tells of the subscription itself, to those who gave an address for it, and acts accordingly. */
export function announceLifecycle(
  state: NotifierState,
  subscription: Subscription,
  event: LifecycleEvent,
): void {
  const { id, tenantId, lifecycleNotificationUrl: url } = subscription
  if (event === 'reauthorizationRequired') {
    subscription.authorizedUntil = state.clock.now() + limits.emulatorReauthorizeMs
  }
  if (event === 'subscriptionRemoved') subscriptionsOf(state, tenantId).delete(id)
  if (url === null) return
  const body = {
    clientState: subscription.clientState,
    lifecycleEvent: event,
    subscriptionExpirationDateTime: dateText(subscription.expiresAt),
    subscriptionId: id,
    tenantId,
  }
  const { delayMs } = state.notifier.settings
  enqueue(state, {
    ...{ url, tenantId, lifecycle: true, delayMs },
    notice: { subscriptionId: id, body },
  })
}

/** What is not told any more is said to have been missed, once for each subscription. */
function giveUp(state: NotifierState, { tenantId, lifecycle, notices }: Delivery): void {
  if (lifecycle) return
  const own = state.notifier.subscriptions.get(tenantId)
  for (const id of new Set(notices.map((notice) => notice.subscriptionId))) {
    const subscription = own?.get(id)
    if (subscription !== undefined) announceLifecycle(state, subscription, 'missed')
  }
}

function recordDelivery(
  state: NotifierState,
  { url, tenantId, notices }: Delivery,
  sent: { at: number; done: number; status: number; bytes: number },
): void {
  recordCall(state.calls, {
    ...{ at: sent.at, service: 'notification', method: 'POST', path: url, status: sent.status },
    ...{ tenantId, appId: undefined, thumbprint: undefined },
    ...{ requestId: undefined, clientRequestId: undefined },
    ...{ write: false, applied: false, fault: undefined, batched: false, batch: undefined },
    ...{ milliseconds: Math.max(sent.done - sent.at, 0), bytes: sent.bytes, rows: notices.length },
  })
}
