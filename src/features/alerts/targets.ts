import { randomBytes } from 'node:crypto'
import type { Static } from 'typebox'
import type { alertRoutes } from '../../contract/alerts.ts'
import type { RouteAnswer, RouteInput } from '../../contract/route.ts'
import { type Actor, type Operation, requirePermission, scopesOf } from '../../core/actor.ts'
import { AppError, badInput } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { Sealed } from '../../core/secret.ts'
import { parseEndpoint } from '../../net/endpoint.ts'
import { isUniqueViolation } from '../../store/errors.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { reachAt } from '../egress/reach.ts'
import { permittedNode } from '../hierarchy/access.ts'
import { listById } from '../operation/listById.ts'
import { notFound } from '../operation/notFound.ts'
import type { PageOf, PageQuery } from '../operation/paging.ts'
import { record } from '../operation/record.ts'
import { showTime } from '../operation/show.ts'
import type { Store } from '../operation/store.ts'
import {
  type DeliverDependencies,
  deliver,
  keyField,
  keyPrefix,
  noMail,
  ownerOf,
} from './deliver.ts'
import * as queries from './queries.ts'

/** The type by which access profiles name who is told of alerts. */
const targetType = 'data/AlertTarget'

type Target = Static<(typeof alertRoutes.list)['answer']>['items'][number]
type AddInput = RouteInput<typeof alertRoutes.add>['body']

export async function listTargets(
  actor: Actor,
  store: Store,
  query: PageQuery,
): Promise<PageOf<Target>> {
  return await listById(
    { actor, db: store.db, type: targetType },
    query,
    queries.selectTargets,
    showTarget,
  )
}

/** The key of a webhook is in this answer and nowhere else ever again. */
export async function addTarget(
  actor: Actor,
  dependencies: DeliverDependencies,
  input: AddInput,
): Promise<RouteAnswer<typeof alertRoutes.add>> {
  const { store, sendMail } = dependencies
  const { nodeId, mail, webhook } = input
  const node = await inScope(store.db, scopesOf(actor), (tx) =>
    permittedNode(tx, actor, 'Create', targetType, nodeId),
  )
  if (mail !== undefined && webhook === undefined) {
    if (sendMail === undefined) throw noMail()
    const target = await keepTarget(actor, store, nodeId, { kind: 'mail', address: mail })
    return { target, key: null }
  }
  if (webhook === undefined || mail !== undefined) {
    throw badInput('body.webhook', 'or mail is needed, and only one of them.')
  }
  const address = await webhookAddress(dependencies, node.path, webhook)
  const key = new Sealed(`${keyPrefix}${randomBytes(32).toString('base64')}`)
  const target = await keepTarget(actor, store, nodeId, { kind: 'webhook', address }, key)
  return { target, key: key.reveal() }
}

async function webhookAddress(
  { store, configured }: DeliverDependencies,
  nodePath: string,
  text: string,
): Promise<string> {
  const field = 'body.webhook'
  const endpoint = parseEndpoint('webhook', field, text)
  const problem = (await reachAt(store.db, nodePath, configured)).problem(endpoint)
  if (problem !== undefined) throw badInput(field, problem)
  return `${endpoint.origin}${endpoint.path}`
}

async function keepTarget(
  actor: Actor,
  store: Store,
  nodeId: number,
  target: Pick<queries.TargetRow, 'kind' | 'address'>,
  key?: Sealed,
): Promise<Target> {
  return await inScope(store.db, scopesOf(actor), async (tx) => {
    const node = await permittedNode(tx, actor, 'Create', targetType, nodeId, 'update')
    if ((await queries.countTargets(tx, nodeId)) >= limits.alertTargetsMax) throw tooMany()
    await record(tx, actor, {
      ...{ nodePath: node.path, action: 'alert.add', subject: `node:${nodeId}` },
      detail: { ...target },
    })
    const row = await orThereAlready(() =>
      queries.insertTarget(tx, { ...target, node_id: node.id, node_path: node.path }),
    )
    if (key !== undefined) {
      await store.vault.put(tx, ownerOf(row.id), node.path, keyField, key)
    }
    return showTarget({ ...row, deliveredAt: null, error: null })
  })
}

export async function removeTarget(actor: Actor, store: Store, targetId: number): Promise<void> {
  await inScope(store.db, scopesOf(actor), async (tx) => {
    const target = await permittedTarget(tx, actor, 'Delete', targetId)
    const { kind, address, node_path: nodePath } = target
    await record(tx, actor, {
      ...{ nodePath, action: 'alert.remove', subject: `alert-target:${targetId}` },
      detail: { kind, address },
    })
    await store.vault.destroy(tx, ownerOf(targetId))
    await queries.deleteTarget(tx, targetId)
  })
}

/** Sends one alert that says what it is. It is tried again like any other when it fails. */
export async function testTarget(
  actor: Actor,
  dependencies: DeliverDependencies,
  targetId: number,
): Promise<{ delivered: boolean; message: string }> {
  const { store } = dependencies
  const { clock } = store
  const delivery = await inScope(store.db, scopesOf(actor), async (tx) => {
    const target = await permittedTarget(tx, actor, 'Execute', targetId)
    const { kind, address, node_path: nodePath } = target
    await record(tx, actor, {
      ...{ nodePath, action: 'alert.test', subject: `alert-target:${targetId}` },
      detail: { kind, address },
    })
    const message = `This is a test by ${actor.name}. There is nothing to do.`
    const at = new Date(clock.now()).toISOString()
    const alert = { kind: 'test', at, nodePath, tenantId: null, tenant: null, message, data: {} }
    return await queries.insertTrial(tx, target, alert, new Date(clock.now() + limits.alertLeaseMs))
  })
  const error = await deliver(dependencies, delivery)
  const message = error === undefined ? `${delivery.target.address} took it.` : error.message
  return { delivered: error === undefined, message }
}

async function permittedTarget(
  tx: Tx,
  actor: Actor,
  operation: Operation,
  targetId: number,
): Promise<queries.TargetRow> {
  const target = await queries.selectTarget(tx, targetId)
  if (target === undefined) throw notFound('alert target')
  requirePermission(actor, operation, targetType, target.node_path)
  return target
}

function tooMany(): AppError {
  return new AppError(
    'conflict',
    `The node has ${limits.alertTargetsMax} alert targets already. Nothing was stored; remove one first.`,
  )
}

async function orThereAlready<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new AppError('conflict', 'The node has this alert target already. Nothing was stored.')
  }
}

function showTarget(row: queries.TargetFate): Target {
  return {
    ...{ id: row.id, nodeId: row.node_id, kind: row.kind, address: row.address },
    createdAt: row.created_at.toISOString(),
    deliveredAt: showTime(row.deliveredAt),
    error: row.error,
  }
}
