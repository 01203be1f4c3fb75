import { type Actor, type Operation, requirePermission } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import type { Tx } from '../../store/scope.ts'
import { notFound } from '../operation/notFound.ts'
import { type NodeRow, selectNode } from './queries.ts'

/** The type by which access profiles name nodes. */
export const nodeType = 'relation/HierarchyNode'

/**
 * The node, when the actor may do `operation` on objects of `type` there. Throws `not-found` (also
 * for what lies outside the scope) or `not-permitted`. With a lock it stays where it is until the
 * transaction ends.
 */
export async function permittedNode(
  tx: Tx,
  actor: Actor,
  operation: Operation,
  type: string,
  nodeId: number,
  lock?: 'share' | 'update',
): Promise<NodeRow> {
  const node = await selectNode(tx, nodeId, lock)
  if (node === undefined) throw notFound('node')
  requirePermission(actor, operation, type, node.path)
  return node
}

/** The root has no other place, and nobody may take away what their own rights rest on. */
export function requireBelowScope(
  actor: Actor,
  node: NodeRow,
  verb: 'moved' | 'deleted' | 'renamed',
): void {
  const { grants, bounds } = actor
  const isRestedOn = grants.some(({ scope }) => scope === node.path) || bounds?.scope === node.path
  if (node.parentId !== null && !isRestedOn) return
  const which = node.parentId === null ? 'The node at the top' : 'A node your own rights rest on'
  throw new AppError('conflict', `${which} cannot be ${verb}.`)
}
