import { type Actor, type Permission, requireHolds, scopesOf } from '../../core/actor.ts'
import { AppError, badInput } from '../../core/errors.ts'
import { childPath, type NodeKind, within } from '../../core/hierarchy.ts'
import { limits } from '../../core/limits.ts'
import type { Database } from '../../store/database.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { requireConfirmation } from '../operation/confirm.ts'
import { record } from '../operation/record.ts'
import { nodeType, permittedNode, requireBelowScope } from './access.ts'
import { requireIdle } from './active.ts'
import {
  kindsTo,
  movedMeanwhile,
  type NodeAnswer,
  orNameTaken,
  pathsTo,
  requireDepth,
  requirePlace,
  showNode,
} from './nodes.ts'
import type { NodeRow } from './queries.ts'
import * as queries from './queries.ts'
import { rootPath } from './root.ts'

interface MoveInput {
  nodeId: number
  parentId: number
  confirm?: string | undefined
}

/**
 * Moves a node with everything below it under another parent. Both places lie within the actor's
 * scope: row-level security would refuse anything else. What is on record (audit, events) stays
 * where it happened. Throws `confirmation-required` saying what moves, `bad-input` where it does
 * not fit, `conflict` while work is under way below.
 */
export async function moveNode(actor: Actor, db: Database, input: MoveInput): Promise<NodeAnswer> {
  const { from, parentPath } = await inScope(db, scopesOf(actor), async (tx) => ({
    parentPath: (await permittedNode(tx, actor, 'Update', nodeType, input.parentId)).path,
    from: (await permittedNode(tx, actor, 'Update', nodeType, input.nodeId)).path,
  }))
  const above = await kindsTo(db, parentPath)
  const bearing = await readBearing(db, from, parentPath)
  return await inScope(db, scopesOf(actor), async (tx) => {
    await queries.lockShape(tx)
    const node = await permittedNode(tx, actor, 'Update', nodeType, input.nodeId, 'update')
    const parent = await permittedNode(tx, actor, 'Update', nodeType, input.parentId, 'share')
    if (parent.path !== parentPath || node.path !== from) throw movedMeanwhile()
    requireMovable(actor, node, parent)
    for (const permissions of bearing.conferred) requireHolds(actor, { scope: from, permissions })
    const subtree = await queries.lockSubtree(tx, node.path)
    requirePlaces(subtree, node, above)
    const tenants = await queries.lockTenants(tx, node.path)
    const objects = await queries.countObjects(tx, tenants, limits.countRowsMax + 1)
    requireConfirmation(
      input.confirm,
      node.name,
      `This moves ${node.name} under ${parent.name}, with ${counted(subtree.length, 'node')}, ${counted(tenants.length, 'tenant')} and ${counted(objects, 'stored object')}; who sees them changes with their place.`,
    )
    await requireIdle(tx, tenants)
    const to = childPath(parent.path, node.id)
    await requireTogether(tx, node.path, to)
    await requireKnown(tx, from, bearing)
    return await moveSubtree(tx, actor, node, parent, bearing.parted)
  })
}

/** What a move means for who may do what. */
interface Bearing {
  /** What roles allow that are held above the new place, but not above the old one. */
  conferred: Permission[][]
  /** Every role held at and below what moves, and those of them whose holders stay behind. */
  held: ReadonlySet<number>
  parted: number[]
}

/**
 * Read beyond the actor's scope: nothing of it is told. Who stays behind loses the role, for who
 * looks after the old place could become them, and would reach the new one.
 */
async function readBearing(db: Database, from: string, parentPath: string): Promise<Bearing> {
  return await inScope(db, rootPath, async (tx) => {
    const newAbove = pathsTo(parentPath).filter((path) => !within(from, path))
    const held = await queries.selectHeld(tx, from)
    const staysBehind = ({ personPath }: (typeof held)[number]) =>
      !within(personPath, from) && !within(parentPath, personPath)
    return {
      conferred: await queries.selectConferred(tx, newAbove),
      held: new Set(held.map(({ id }) => id)),
      parted: held.filter(staysBehind).map(({ id }) => id),
    }
  })
}

/** Nobody can be given a role there any more: the nodes are locked. */
async function requireKnown(tx: Tx, from: string, { held }: Bearing): Promise<void> {
  const now = await queries.selectHeldIds(tx, from)
  if (!now.every((id) => held.has(id))) throw movedMeanwhile()
}

function requireMovable(actor: Actor, node: NodeRow, parent: NodeRow): void {
  requireBelowScope(actor, node, 'moved')
  if (within(parent.path, node.path)) {
    throw badInput('body.parentId', 'is the node itself or lies below it.')
  }
  if (node.parentId === parent.id) throw badInput('body.parentId', 'is its parent already.')
}

function requirePlaces(
  subtree: readonly Pick<NodeRow, 'path' | 'kind'>[],
  node: NodeRow,
  above: readonly NodeKind[],
): void {
  const kinds = new Map(subtree.map(({ path, kind }) => [path, kind]))
  for (const { path, kind } of subtree) {
    const inside: NodeKind[] = []
    for (let end = node.path.length; end < path.length; end = path.indexOf('.', end) + 1) {
      const ancestor = kinds.get(path.slice(0, end))
      if (ancestor !== undefined) inside.push(ancestor)
    }
    requirePlace(kind, [...above, ...inside])
    requireDepth(above.length + inside.length + 1)
  }
}

/** What belongs together stays on one branch: a tenant below its certificate and first record. */
async function requireTogether(tx: Tx, from: string, to: string): Promise<void> {
  const [parted] = await queries.selectParted(tx, from, to)
  if (parted === undefined) return
  throw new AppError(
    'conflict',
    `The tenant ${parted.name} depends on ${parted.on}, which would no longer be above it. Nothing was moved; change the tenant first.`,
  )
}

/** Who looks after the old place reads that it left, who looks after the new one that it came. */
async function moveSubtree(
  tx: Tx,
  actor: Actor,
  node: NodeRow,
  parent: NodeRow,
  parted: readonly number[],
): Promise<NodeAnswer> {
  const entry = { action: 'node.move', subject: `node:${node.id}` }
  const { name } = node
  const to = childPath(parent.path, node.id)
  const left = { name, fromParentId: node.parentId, rolesRevoked: parted.length }
  await record(tx, actor, { ...entry, nodePath: node.path, detail: left })
  await record(tx, actor, { ...entry, nodePath: to, detail: { name, toParentId: parent.id } })
  await orNameTaken(name, () => queries.updateParent(tx, node.id, parent.id))
  await queries.deleteRoleGrants(tx, parted)
  for (const table of await queries.selectPathTables(tx)) {
    await queries.rewritePaths(tx, table, 'node_path', node.path, to)
  }
  // Tokens are no node's data, but their scope is a path: their holders keep the rights they had.
  await queries.rewritePaths(tx, 'access_token', 'scope', node.path, to)
  return showNode({ ...node, parentId: parent.id, path: to })
}

function counted(count: number, what: string): string {
  if (count > limits.countRowsMax) return `more than ${limits.countRowsMax} ${what}s`
  return count === 1 ? `1 ${what}` : `${count} ${what}s`
}

/** Throws `conflict` while it holds anything, `confirmation-required` unless its name is given. */
export async function deleteNode(
  actor: Actor,
  db: Database,
  input: { nodeId: number; confirm?: string | undefined },
): Promise<void> {
  await inScope(db, scopesOf(actor), async (tx) => {
    await queries.lockShape(tx)
    const node = await permittedNode(tx, actor, 'Delete', nodeType, input.nodeId, 'update')
    requireBelowScope(actor, node, 'deleted')
    const contents = await queries.selectContents(tx, node.id)
    if (contents.length > 0) {
      const list = contents.map(({ what, count }) => `${count} x ${what}`).join(', ')
      throw new AppError(
        'conflict',
        `${node.name} still holds something (${list}). Nothing was deleted; delete or move that first.`,
      )
    }
    requireConfirmation(input.confirm, node.name, `This deletes the node ${node.name}.`)
    await record(tx, actor, {
      nodePath: node.path,
      action: 'node.delete',
      subject: `node:${node.id}`,
      detail: { name: node.name, kind: node.kind, parentId: node.parentId },
    })
    await queries.deleteNodeRow(tx, node.id)
  })
}
