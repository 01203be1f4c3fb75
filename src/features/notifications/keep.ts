import { randomBytes } from 'node:crypto'
import {
  dropSubscription,
  makeSubscription,
  renewSubscription,
  subscriptionsTo,
  watchedResource,
} from '../../connectors/graph/subscriptions.ts'
import type { GraphTransport } from '../../connectors/graph/transport.ts'
import type { Author } from '../../core/actor.ts'
import { AppError, asAppError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { ConfirmWrite } from '../../core/writing.ts'
import { markModelsDue } from '../../engine/due/queries.ts'
import { modelById } from '../../engine/engine.ts'
import type { Models } from '../../engine/models/versions/versions.ts'
import { writeAudit } from '../../store/audit.ts'
import type { Log } from '../../store/log.ts'
import { inScope } from '../../store/scope.ts'
import { rootPath } from '../hierarchy/root.ts'
import type { Store } from '../operation/store.ts'
import { recordAttempts } from './attempts.ts'
import * as queries from './queries.ts'
import { hashOf } from './receiver.ts'

export interface KeepDependencies {
  store: Pick<Store, 'db' | 'clock'>
  models: Models
  /** Where Microsoft reaches us, such as https://host; undefined: nowhere, and none are made. */
  publicUrl: string | undefined
  openGraph: (place: { tenantId: number; scope: string }) => Promise<GraphTransport>
  log: Log
}

type Due = NonNullable<Awaited<ReturnType<typeof queries.takeDue>>>

/** Who subscribes: this installation, where a tenant's settings say so. */
const ourselves: Author = { id: 'system', name: 'Patchbay', kind: 'system' }

/**
 * Makes, renews and ends subscriptions that are due to be, some at most. One is taken by putting it
 * off: a worker that dies over it leaves it to whoever looks next behind that.
 */
export async function keepSubscriptions(
  dependencies: KeepDependencies,
  signal: AbortSignal,
): Promise<void> {
  const { store, models, publicUrl, log } = dependencies
  const inForce = await models.current()
  const watched = inForce.filter((model) => watchedResource(model) !== undefined)
  const wanted = publicUrl === undefined ? [] : watched.map((model) => model.id)
  await inScope(store.db, rootPath, (tx) =>
    queries.reconcileWanted(tx, wanted, new Date(store.clock.now())),
  )
  for (let taken = 0; taken < limits.subscriptionsAtOnce; taken += 1) {
    const now = store.clock.now()
    const until = new Date(now + limits.subscriptionRetryMs)
    const due = await inScope(store.db, rootPath, (tx) => queries.takeDue(tx, new Date(now), until))
    if (due === undefined || signal.aborted) return
    try {
      const model = modelById(inForce, due.model)
      const resource = model && watchedResource(model)
      if (!due.wanted || publicUrl === undefined || resource === undefined) {
        await end(dependencies, due, signal)
      } else if (due.foreignId === null) {
        await make(dependencies, due, { resource, url: `${publicUrl}/v1/notifications` }, signal)
      } else {
        await renew(dependencies, due, due.foreignId, signal)
      }
    } catch (thrown) {
      if (signal.aborted) return
      const { code, message } = asAppError(thrown, 'The subscription')
      log.warn({ subscription: due.id, code }, message)
      await inScope(store.db, due.nodePath, (tx) =>
        queries.saveError(tx, due.id, { code, message }, until),
      )
    }
  }
}

/** With a secret of its own. What changed before it stood is read by the sync it makes due. */
async function make(
  dependencies: KeepDependencies,
  due: Due,
  { resource, url }: { resource: string; url: string },
  signal: AbortSignal,
): Promise<void> {
  const { store, openGraph } = dependencies
  const graph = await openGraph({ tenantId: due.tenantId, scope: due.nodePath })
  // One whose making was not answered in time is there without our knowing. Another record of the
  // tenant may go by the same application, and lie where this one's node cannot see it.
  const there = await subscriptionsTo(graph, resource, url, signal)
  const now = new Date(store.clock.now())
  const strays = await inScope(store.db, rootPath, (tx) =>
    queries.selectStrays(tx, due.id, there, now),
  )
  for (const id of strays) {
    const what = { resource, subscription: id }
    const confirm = await onRecord(dependencies, due, 'subscription.drop', what)
    await dropSubscription(graph, id, { signal, confirm })
  }
  const clientState = randomBytes(32).toString('base64url')
  const confirm = await onRecord(dependencies, due, 'subscription.make', { resource, url })
  const expiresAt = new Date(store.clock.now() + limits.subscriptionLifeMs)
  const wanted = { resource, url, clientState, expiresAt }
  const made = await makeSubscription(graph, wanted, { signal, confirm })
  await inScope(store.db, due.nodePath, async (tx) => {
    const clientStateHash = hashOf(clientState)
    await queries.saveMade(tx, due.id, {
      ...{ foreignId: made.id, clientStateHash, expiresAt: made.expiresAt },
      actAt: renewAt(store.clock.now(), made.expiresAt),
    })
    const dueAt = new Date(store.clock.now())
    const mark = { dueAt, cause: `subscription:${due.id}`, actor: ourselves }
    await markModelsDue(tx, due, [due.model], mark)
  })
}

async function renew(
  dependencies: KeepDependencies,
  due: Due,
  foreignId: string,
  signal: AbortSignal,
): Promise<void> {
  const { store, openGraph } = dependencies
  const graph = await openGraph({ tenantId: due.tenantId, scope: due.nodePath })
  const what = { subscription: foreignId }
  const confirm = await onRecord(dependencies, due, 'subscription.renew', what)
  const expiresAt = new Date(store.clock.now() + limits.subscriptionLifeMs)
  try {
    const made = await renewSubscription(graph, foreignId, expiresAt, { signal, confirm })
    await inScope(store.db, due.nodePath, (tx) =>
      queries.saveMade(tx, due.id, {
        ...{ foreignId, expiresAt: made.expiresAt },
        actAt: renewAt(store.clock.now(), made.expiresAt),
      }),
    )
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'microsoft-not-found') throw error
    // It ended, or Microsoft dropped it: the next look makes another.
    const now = new Date(store.clock.now())
    await inScope(store.db, due.nodePath, (tx) => queries.forgetForeign(tx, due.id, now))
  }
}

async function end(dependencies: KeepDependencies, due: Due, signal: AbortSignal): Promise<void> {
  const { store, openGraph } = dependencies
  if (due.foreignId !== null) {
    const graph = await openGraph({ tenantId: due.tenantId, scope: due.nodePath })
    const what = { subscription: due.foreignId }
    const confirm = await onRecord(dependencies, due, 'subscription.drop', what)
    await dropSubscription(graph, due.foreignId, { signal, confirm })
  }
  await inScope(store.db, due.nodePath, (tx) => queries.dropRow(tx, due.id))
}

/** With two thirds of its life gone: a day to try again if it lives three. */
function renewAt(now: number, expiresAt: Date): Date {
  return new Date(now + ((expiresAt.getTime() - now) * 2) / 3)
}

/** Puts on record what is meant, and answers what does so with each attempt of it. */
async function onRecord(
  { store }: KeepDependencies,
  { tenantId, nodePath, model }: Due,
  action: string,
  what: JsonObject,
): Promise<ConfirmWrite> {
  const detail = { model, ...what }
  const entry = { nodePath, tenantId, actor: ourselves, subject: `tenant:${tenantId}`, detail }
  await inScope(store.db, nodePath, (tx) => writeAudit(tx, { ...entry, action }))
  return recordAttempts(store, entry)
}
