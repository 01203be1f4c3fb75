import type { Static } from 'typebox'
import type { Node, nodeRoutes } from '../../contract/nodes.ts'
import type { RouteInput } from '../../contract/route.ts'
import { type Actor, scopesOf, scopesPermitted } from '../../core/actor.ts'
import { AppError, badInput } from '../../core/errors.ts'
import { childPath, mayStandBelow, type NodeKind } from '../../core/hierarchy.ts'
import { limits } from '../../core/limits.ts'
import type { Database } from '../../store/database.ts'
import { isUniqueViolation } from '../../store/errors.ts'
import { inScope } from '../../store/scope.ts'
import { foreignCursor, type PageOf, type PageQuery, readPage } from '../operation/paging.ts'
import { record } from '../operation/record.ts'
import { nodeType, permittedNode, requireBelowScope } from './access.ts'
import * as queries from './queries.ts'
import { rootPath } from './root.ts'

export type NodeAnswer = Static<typeof Node>
type CreateInput = RouteInput<typeof nodeRoutes.create>['body']

/** The nodes within the scope, every parent before its children. */
export async function listNodes(
  actor: Actor,
  db: Database,
  query: PageQuery,
): Promise<PageOf<NodeAnswer>> {
  const scopes = scopesPermitted(actor, 'Read', nodeType)
  const after = query.after ?? ''
  if (!/^([0-9]+\.)*$/.test(after)) throw foreignCursor()
  return await inScope(db, scopes, (tx) =>
    readPage(
      query,
      (limit) => queries.selectNodes(tx, after, limit),
      showNode,
      (row) => row.path,
    ),
  )
}

/** Throws `not-found`, `not-permitted`. */
export async function readNode(actor: Actor, db: Database, nodeId: number): Promise<NodeAnswer> {
  return await inScope(db, scopesOf(actor), async (tx) =>
    showNode(await permittedNode(tx, actor, 'Read', nodeType, nodeId)),
  )
}

/** Throws `bad-input` (kind or depth does not fit there), `conflict` (the name is taken). */
export async function createNode(
  actor: Actor,
  db: Database,
  input: CreateInput,
): Promise<NodeAnswer> {
  const { path: parentPath } = await inScope(db, scopesOf(actor), (tx) =>
    permittedNode(tx, actor, 'Create', nodeType, input.parentId),
  )
  const name = readName(input.name)
  const above = await kindsTo(db, parentPath)
  requirePlace(input.kind, above)
  requireDepth(above.length + 1)
  return await inScope(db, scopesOf(actor), async (tx) => {
    const parent = await permittedNode(tx, actor, 'Create', nodeType, input.parentId, 'share')
    if (parent.path !== parentPath) throw movedMeanwhile()
    const id = await queries.drawNodeId(tx)
    const path = childPath(parent.path, id)
    await record(tx, actor, {
      nodePath: path,
      action: 'node.create',
      subject: `node:${id}`,
      detail: { name, kind: input.kind, parentId: parent.id },
    })
    const node = { id, parentId: parent.id, kind: input.kind, name, path }
    return showNode(await orNameTaken(name, () => queries.insertNode(tx, node)))
  })
}

/**
 * Throws `conflict` when another node under the same parent has the name, and for the node of the
 * actor's own scope: its neighbours are hidden, and a name that is taken would tell of them.
 */
export async function renameNode(
  actor: Actor,
  db: Database,
  input: { nodeId: number; name: string },
): Promise<NodeAnswer> {
  return await inScope(db, scopesOf(actor), async (tx) => {
    const node = await permittedNode(tx, actor, 'Update', nodeType, input.nodeId, 'update')
    // The node at the top has no neighbours.
    if (node.parentId !== null) requireBelowScope(actor, node, 'renamed')
    const name = readName(input.name)
    await record(tx, actor, {
      nodePath: node.path,
      action: 'node.rename',
      subject: `node:${node.id}`,
      detail: { before: node.name, name },
    })
    await orNameTaken(name, () => queries.updateNodeName(tx, node.id, name))
    return showNode({ ...node, name })
  })
}

export function showNode({ createdAt, ...node }: queries.NodeRow): NodeAnswer {
  return { ...node, createdAt: createdAt.toISOString() }
}

/**
 * The kinds of the nodes along a path, from the top down. Read beyond the actor's scope, because
 * what may stand somewhere depends on what is above; nothing of it is told.
 */
export async function kindsTo(db: Database, path: string): Promise<NodeKind[]> {
  const paths = pathsTo(path)
  const nodes = await inScope(db, rootPath, (tx) => queries.selectNodesAt(tx, paths))
  return nodes.map((node) => node.kind)
}

/** The paths of the nodes along a path, from the top down, its own included. */
export function pathsTo(path: string): string[] {
  const ids = path.split('.').slice(0, -1)
  return ids.map((_, index) => `${ids.slice(0, index + 1).join('.')}.`)
}

export function requirePlace(kind: NodeKind, above: readonly NodeKind[]): void {
  if (mayStandBelow(kind, above)) return
  throw badInput(
    'body.kind',
    `cannot be ${kind} there: the order from the top is provider, reseller, customer, site, with intermediate nodes between them.`,
  )
}

export function requireDepth(levels: number): void {
  if (levels <= limits.hierarchyDepthMax) return
  throw badInput('body.parentId', `is too deep: at most ${limits.hierarchyDepthMax} levels fit.`)
}

export async function orNameTaken<T>(name: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (!isUniqueViolation(error, 'node_name_once')) throw error
    throw new AppError(
      'conflict',
      `There is already a node named ${name} under the same parent (case does not count). Nothing was changed; choose another name.`,
      { fields: [{ field: 'body.name', problem: 'is taken' }] },
    )
  }
}

export function movedMeanwhile(): AppError {
  return new AppError(
    'conflict',
    'The node was moved by somebody else at this moment. Nothing was changed; look again and repeat it.',
  )
}

function readName(text: string): string {
  const name = text.trim()
  if (name === '') throw badInput('body.name', 'is empty.')
  return name
}
