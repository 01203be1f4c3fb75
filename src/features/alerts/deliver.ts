import { createHmac } from 'node:crypto'
import type { SendMail } from '../../connectors/mail/mailer.ts'
import { AppError, asAppError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { Sealed } from '../../core/secret.ts'
import type { Reach } from '../../net/destination.ts'
import type { Exchange } from '../../net/egress.ts'
import { parseEndpoint } from '../../net/endpoint.ts'
import type { Log } from '../../store/log.ts'
import { inScope } from '../../store/scope.ts'
import { reachAt } from '../egress/reach.ts'
import { rootPath } from '../hierarchy/root.ts'
import type { Store } from '../operation/store.ts'
import * as queries from './queries.ts'

export interface DeliverDependencies {
  store: Store
  exchange: Exchange
  /** Undefined: the operator has configured no mail server. */
  sendMail: SendMail | undefined
  /** What the server's configuration says of addresses that people type. */
  configured: Reach
  log: Log
}

export const keyField = 'key'

export function ownerOf(targetId: number): string {
  return `alert-target:${targetId}`
}

/** Delivers what is due, some at a time, until nothing is; each is taken by one process. */
export async function deliverAlerts(
  dependencies: DeliverDependencies,
  signal: AbortSignal,
): Promise<void> {
  const { store } = dependencies
  const { clock, db } = store
  while (!signal.aborted) {
    const now = clock.now()
    const due = await inScope(db, rootPath, async (tx) => {
      await queries.deleteDelivered(tx, new Date(now - limits.alertKeepMs))
      const leaseEnds = new Date(now + limits.alertLeaseMs)
      return await queries.takeDeliveries(tx, new Date(now), leaseEnds, limits.alertsInFlight)
    })
    if (due.length === 0) return
    await Promise.all(due.map((delivery) => deliver(dependencies, delivery)))
  }
}

/** One try; answers what went wrong, or undefined when it arrived. */
export async function deliver(
  dependencies: DeliverDependencies,
  delivery: queries.DueDelivery,
): Promise<AppError | undefined> {
  const { store, log } = dependencies
  const { id, attempts, target } = delivery
  const send = target.kind === 'mail' ? sendByMail : postToWebhook
  const error = await send(dependencies, delivery).then(
    () => undefined,
    (thrown: unknown) => asAppError(thrown, 'The delivery of an alert'),
  )
  if (error !== undefined) log.warn({ target: target.id, attempts }, error.message)
  const last = error === undefined || attempts >= limits.alertAttemptsMax
  const waitMs = Math.min(
    limits.alertBackoffFirstMs * 2 ** (attempts - 1),
    limits.alertBackoffMaxMs,
  )
  const dueAt = last ? null : new Date(store.clock.now() + waitMs)
  const outcome = { dueAt, error: error?.message ?? null }
  await inScope(store.db, rootPath, (tx) => queries.noteDelivery(tx, id, outcome))
  return error
}

async function sendByMail(
  { store, sendMail }: DeliverDependencies,
  { id, alert, target }: queries.DueDelivery,
): Promise<void> {
  if (sendMail === undefined) throw noMail()
  const sentAt = new Date(store.clock.now())
  await sendMail({ id, to: target.address, ...mailOf(alert), sentAt })
}

export function noMail(): AppError {
  return new AppError(
    'conflict',
    'This server sends no mail: its operator has to name a mail server in patchbay.json (mail).',
  )
}

const subjectChars = 120

function mailOf({ message, tenant, at, kind }: JsonObject): { subject: string; text: string } {
  const words = String(message)
  const [first = words] = words.split(/(?<=\.) /)
  const about = typeof tenant === 'string' ? [`Tenant: ${tenant}`] : []
  const lines = [words, '', ...about, `When: ${String(at)}`, `What: ${String(kind)}`]
  return { subject: `Patchbay: ${first.slice(0, subjectChars)}`, text: `${lines.join('\n')}\n` }
}

/**
 * Signed as Standard Webhooks says (standardwebhooks.com): HMAC-SHA256 over id, time and body. The
 * id stays the same from try to try, so that a receiver can tell a repetition.
 */
async function postToWebhook(
  { store, exchange, configured }: DeliverDependencies,
  { id, alert, target }: queries.DueDelivery,
): Promise<void> {
  const key = await inScope(store.db, rootPath, (tx) =>
    store.vault.get(tx, { owner: ownerOf(target.id), field: keyField }),
  )
  if (key === undefined) throw new AppError('internal', 'The key of this webhook is not there.')
  const endpoint = parseEndpoint('webhook', 'address', target.address)
  const { reach } = await reachAt(store.db, target.node_path, configured)
  const timestamp = String(Math.floor(store.clock.now() / 1_000))
  const body = JSON.stringify({ id, ...alert })
  const { status } = await exchange({
    destination: { origins: [endpoint.origin], ...reach(endpoint) },
    method: 'POST',
    url: new URL(endpoint.path, endpoint.origin),
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature(key, `${id}.${timestamp}.${body}`)}`,
    },
    body,
    answerBytesMax: limits.alertAnswerBytes,
    signal: AbortSignal.timeout(limits.alertSendMs),
  }).catch((cause: unknown) => {
    // Why not is not told: who may add a target could otherwise learn what answers in this network.
    throw new AppError('unavailable', 'The webhook could not be reached, or answered too late.', {
      cause,
    })
  })
  if (status >= 200 && status < 300) return
  throw new AppError('unavailable', `The webhook answered ${status}.`)
}

function signature(key: Sealed, text: string): string {
  const secret = Buffer.from(key.reveal().slice(keyPrefix.length), 'base64')
  return createHmac('sha256', secret).update(text).digest('base64')
}

export const keyPrefix = 'whsec_'
