import { directorySubscriptions } from '../../catalogue/graphLimits.ts'
import type { JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import { dateText } from '../dates.ts'
import type { Entity } from '../directory/types.ts'
import type { Reply } from '../exchange.ts'
import { GraphRefusal, notFound, refuse } from '../graphErrors.ts'
import { post } from '../notifications/post.ts'
import { subscriptionsOf } from '../notifications/subscriptions.ts'
import type { Subscription, Watched } from '../notifications/types.ts'
import { randomGuid } from '../random.ts'
import { readBody } from './body.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { listReply } from './list.ts'
import { noContent } from './reply.ts'
import { singleReply } from './single.ts'
import { checkValues } from './validate.ts'

/** Subscriptions are their application's own; what they watch decides on permissions. */
export const subscriptionRoutes: readonly GraphRoute[] = [
  { method: 'POST', path: '/subscriptions', needs: null, answer: postSubscription },
  {
    method: 'GET',
    path: '/subscriptions',
    needs: null,
    answer: (context) => {
      const items = ownSubscriptions(context).map((one, index) => entityOf(one, index + 1))
      return listReply(context, { types: ['subscription'], items, contextName: 'subscriptions' })
    },
  },
  {
    method: 'GET',
    path: '/subscriptions/{id}',
    needs: null,
    answer: (context) => shown(context, subscriptionOf(context)),
  },
  { method: 'PATCH', path: '/subscriptions/{id}', needs: null, answer: patchSubscription },
  {
    method: 'DELETE',
    path: '/subscriptions/{id}',
    needs: null,
    answer: (context) => {
      const { id, tenantId } = subscriptionOf(context)
      subscriptionsOf(context.state, tenantId).delete(id)
      return noContent()
    },
  },
  {
    method: 'POST',
    path: '/subscriptions/{id}/reauthorize',
    needs: null,
    answer: (context) => {
      subscriptionOf(context).authorizedUntil = undefined
      return noContent()
    },
  },
]

const minute = 60_000
const clientStateMax = 128
const tlsVersions = ['v1_0', 'v1_1', 'v1_2', 'v1_3']
/** Which permissions let an application watch something, any one of them. */
const readers: Readonly<Record<Watched['type'], readonly string[]>> = {
  user: ['User.Read.All', 'User.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
  group: ['Group.Read.All', 'Group.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
}

async function postSubscription(context: GraphCallContext): Promise<Reply> {
  const { state, tenant, claims } = context
  const values = checkValues('subscription', readBody(context.request))
  const text = (name: string) => (typeof values[name] === 'string' ? values[name] : undefined)
  for (const name of ['changeType', 'notificationUrl', 'resource', 'expirationDateTime']) {
    if (text(name) === undefined) throw invalid(`The property '${name}' is required.`)
  }
  const resource = text('resource') ?? ''
  const watched = readWatched(resource)
  if (!readers[watched.type].some((name) => claims.roles.includes(name))) {
    throw refuse('missing permission (directory)')
  }
  if (watched.id !== undefined && tenant.byId.get(watched.id)?.type !== watched.type) {
    throw notFound(watched.id)
  }
  const subscription: Subscription = {
    ...{ id: randomGuid(tenant.random), tenantId: tenant.id, appId: claims.appid },
    ...{ creatorId: claims.oid, resource, watched, ...readOptions(values) },
    notificationUrl: readUrl(context, text('notificationUrl')),
    lifecycleNotificationUrl:
      text('lifecycleNotificationUrl') === undefined
        ? null
        : readUrl(context, text('lifecycleNotificationUrl')),
    expiresAt: readExpiration(context, text('expirationDateTime')),
    authorizedUntil: undefined,
  }
  checkQuota(context)
  await proveAddress(context, subscription.notificationUrl)
  if (subscription.lifecycleNotificationUrl !== null) {
    await proveAddress(context, subscription.lifecycleNotificationUrl)
  }
  // Again: others may have come while the addresses were asked.
  checkQuota(context)
  subscriptionsOf(state, tenant.id).set(subscription.id, subscription)
  return shown(context, subscription, 201)
}

async function patchSubscription(context: GraphCallContext): Promise<Reply> {
  const subscription = subscriptionOf(context)
  const values = checkValues('subscription', readBody(context.request))
  const { expirationDateTime, notificationUrl, ...others } = values
  const [other] = Object.keys(others)
  if (other !== undefined) throw invalid(`The property '${other}' cannot be updated.`)
  const expiresAt =
    expirationDateTime === undefined
      ? subscription.expiresAt
      : readExpiration(context, String(expirationDateTime))
  if (notificationUrl !== undefined) {
    const url = readUrl(context, String(notificationUrl))
    await proveAddress(context, url)
    subscription.notificationUrl = url
  }
  subscription.expiresAt = expiresAt
  subscription.authorizedUntil = undefined
  return shown(context, subscription)
}

function readWatched(resource: string): Watched {
  const [, name = '', id, below] =
    /^\/?(users|groups)(?:\/([0-9a-f-]{36})(\/members)?)?\/?$/i.exec(resource) ?? []
  const type = name.toLowerCase() === 'users' ? 'user' : 'group'
  if (name === '' || (below !== undefined && type === 'user')) {
    throw invalid(`Resource '${resource}' is not supported for subscriptions.`)
  }
  return { type, id: id?.toLowerCase(), membersOnly: below !== undefined }
}

/** Creation and soft deletion are told as `updated`, so there is no `created` to ask for. */
function readOptions(values: JsonObject) {
  const changeType = String(values.changeType).replaceAll(' ', '')
  const types = changeType.split(',')
  if (types.some((one) => one !== 'updated' && one !== 'deleted')) {
    throw invalid(`Invalid 'changeType' attribute: '${changeType}'.`)
  }
  const clientState = typeof values.clientState === 'string' ? values.clientState : null
  if ((clientState?.length ?? 0) > clientStateMax) {
    throw invalid(`The 'clientState' must not exceed ${clientStateMax} characters.`)
  }
  if (values.includeResourceData === true) {
    throw invalid('Resource data cannot be included for this resource.')
  }
  const latestSupportedTlsVersion = String(values.latestSupportedTlsVersion ?? 'v1_2')
  if (!tlsVersions.includes(latestSupportedTlsVersion)) {
    throw invalid(`Invalid 'latestSupportedTlsVersion': '${latestSupportedTlsVersion}'.`)
  }
  return { changeType, clientState, latestSupportedTlsVersion }
}

function readUrl({ state }: GraphCallContext, text = ''): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const loopback =
    state.notifier.settings.loopbackHttp &&
    url?.protocol === 'http:' &&
    /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)
  if (url?.protocol !== 'https:' && !loopback) {
    throw invalid('Subscription notification URL must be an absolute https URL.')
  }
  return text
}

/** Too short a time is made longer, too long a one refused. */
function readExpiration({ state }: GraphCallContext, text = ''): number {
  const now = state.clock.now()
  const asked = Date.parse(text)
  if (asked <= now) throw invalid('Subscription expiration must be in the future.')
  const { minutesMin, minutesMax } = directorySubscriptions
  if (asked > now + minutesMax * minute + limits.emulatorClockSkewMs) {
    throw invalid(`Subscription expiration can only be ${minutesMax} minutes in the future.`)
  }
  return Math.max(asked, now + minutesMin * minute)
}

function checkQuota(context: GraphCallContext): void {
  const { perAppAndTenant } = directorySubscriptions
  if (ownSubscriptions(context).length >= perAppAndTenant) {
    throw new GraphRefusal(
      403,
      'Forbidden',
      `The application has reached its limit of ${perAppAndTenant} subscriptions in this tenant.`,
    )
  }
}

/** The address has to give back, as plain text and in time, what it was asked. */
async function proveAddress(context: GraphCallContext, address: string): Promise<void> {
  const { state, requestId } = context
  const token = `Validation: Testing client application reachability for subscription Request-Id: ${requestId}`
  const url = new URL(address)
  const query = `validationToken=${encodeURIComponent(token)}`
  url.search = url.search === '' ? query : `${url.search.slice(1)}&${query}`
  const content = { contentType: 'text/plain; charset=utf-8', body: '' }
  const answer = await post(state.notifier, url, content, limits.emulatorValidationMs)
  if (answer === undefined) {
    throw invalid('Subscription validation request timed out.')
  }
  if (answer.status !== 200) {
    throw invalid(
      `Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request.`,
    )
  }
  if (answer.body !== token || !/^text\/plain\b/i.test(answer.contentType)) {
    throw invalid(
      'Subscription validation request failed. Response must exactly match validationToken query parameter.',
    )
  }
}

function ownSubscriptions({ state, tenant, claims }: GraphCallContext): Subscription[] {
  return [...subscriptionsOf(state, tenant.id).values()].filter((one) => one.appId === claims.appid)
}

function subscriptionOf(context: GraphCallContext): Subscription {
  const [id = ''] = context.params
  const found = ownSubscriptions(context).find((one) => one.id === id.toLowerCase())
  if (found === undefined) throw notFound(id)
  return found
}

function shown(context: GraphCallContext, subscription: Subscription, status = 200): Reply {
  return singleReply(context, entityOf(subscription), 'subscriptions', { status })
}

function entityOf(subscription: Subscription, seq = 1): Entity {
  const { id } = subscription
  const data = {
    id,
    applicationId: subscription.appId,
    changeType: subscription.changeType,
    clientState: subscription.clientState,
    creatorId: subscription.creatorId,
    expirationDateTime: dateText(subscription.expiresAt),
    includeResourceData: null,
    latestSupportedTlsVersion: subscription.latestSupportedTlsVersion,
    lifecycleNotificationUrl: subscription.lifecycleNotificationUrl,
    notificationUrl: subscription.notificationUrl,
    resource: subscription.resource,
  }
  return { seq, id, type: 'subscription', data }
}

function invalid(message: string): GraphRefusal {
  return new GraphRefusal(400, 'ValidationError', message)
}
