import type { GraphCall } from '../../core/call.ts'
import { AppError } from '../../core/errors.ts'
import { isJsonObject } from '../../core/json.ts'
import type { Model } from '../../core/model.ts'
import type { ConfirmWrite } from '../../core/writing.ts'
import type { GraphTransport } from './transport.ts'

/** What we read and Graph tells changes of (subscription resource type, supported resources). */
const watchable: readonly string[] = ['users', 'groups']

/** The resource to watch for a model, or undefined where there is none. */
export function watchedResource(model: Model): string | undefined {
  if (model.wire !== 'graph' || model.delta === undefined) return undefined
  return watchable.find((resource) => resource === model.list.call)
}

export interface Made {
  id: string
  expiresAt: Date
}

/** Nothing is changed at Microsoft without a `confirm`, which puts each attempt on record. */
export interface WriteOptions {
  signal: AbortSignal
  confirm: ConfirmWrite
}

export interface NewSubscription {
  resource: string
  /** Where changes and what becomes of the subscription itself are told. */
  url: string
  clientState: string
  expiresAt: Date
}

/**
 * Asks for notifications. `created` cannot be asked for: for users and groups creation is told as
 * `updated` (change notifications for Microsoft Entra resources).
 */
export async function makeSubscription(
  graph: GraphTransport,
  { resource, url, clientState, expiresAt }: NewSubscription,
  options: WriteOptions,
): Promise<Made> {
  const body = {
    ...{ changeType: 'updated,deleted', resource, clientState },
    ...{ notificationUrl: url, lifecycleNotificationUrl: url },
    expirationDateTime: expiresAt.toISOString(),
  }
  const { body: made } = await graph.send(call('POST', ['subscriptions'], body), options)
  return readMade(made)
}

/** Throws `microsoft-not-found` when it is gone. */
export async function renewSubscription(
  graph: GraphTransport,
  id: string,
  expiresAt: Date,
  options: WriteOptions,
): Promise<Made> {
  const body = { expirationDateTime: expiresAt.toISOString() }
  const { body: made } = await graph.send(call('PATCH', ['subscriptions', id], body), options)
  return readMade(made)
}

/** Gone already is as good. */
export async function dropSubscription(
  graph: GraphTransport,
  id: string,
  options: WriteOptions,
): Promise<void> {
  try {
    await graph.send(call('DELETE', ['subscriptions', id], undefined), options)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'microsoft-not-found') throw error
  }
}

/** The ids of the application's subscriptions of a resource that lead to an address. */
export async function subscriptionsTo(
  graph: GraphTransport,
  resource: string,
  url: string,
  signal: AbortSignal,
): Promise<string[]> {
  const { body } = await graph.send(call('GET', ['subscriptions'], undefined), { signal })
  const items = isJsonObject(body) && Array.isArray(body.value) ? body.value : []
  return items.flatMap((item) =>
    isJsonObject(item) &&
    item.notificationUrl === url &&
    String(item.resource).replace(/^\//, '') === resource &&
    typeof item.id === 'string'
      ? [item.id]
      : [],
  )
}

function call(method: GraphCall['method'], path: string[], body: GraphCall['body']): GraphCall {
  return { wire: 'graph', method, path, query: {}, body, cost: 1 }
}

function readMade(body: unknown): Made {
  if (isJsonObject(body)) {
    const { id, expirationDateTime } = body
    const expiresAt = new Date(String(expirationDateTime))
    if (typeof id === 'string' && Number.isFinite(expiresAt.getTime())) return { id, expiresAt }
  }
  throw new AppError('microsoft-broken-answer', 'A subscription came back without id or end.')
}
