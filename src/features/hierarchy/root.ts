import { type Actor, scopesOf } from '../../core/actor.ts'
import { childPath, commonAncestor } from '../../core/hierarchy.ts'
import type { Database } from '../../store/database.ts'
import { inScope } from '../../store/scope.ts'
import { record } from '../operation/record.ts'
import * as queries from './queries.ts'

const rootId = 1

/** The path of the one node that has no parent. */
export const rootPath = childPath('', rootId)

/**
 * Where it is on record what an actor did at no node in particular: above all that they may reach,
 * so that whoever reads it there may know of all of it.
 */
export function homeOf(actor: Actor): string {
  return commonAncestor(scopesOf(actor)) || rootPath
}

/** Makes the provider at the top when there is none yet: the first start of an empty database. */
export async function ensureRoot(actor: Actor, db: Database, name: string): Promise<void> {
  await inScope(db, rootPath, async (tx) => {
    await queries.lockShape(tx)
    if ((await queries.selectNode(tx, rootId)) !== undefined) return
    await record(tx, actor, {
      nodePath: rootPath,
      action: 'node.create',
      subject: `node:${rootId}`,
      detail: { name, kind: 'provider', parentId: null },
    })
    const root = { parentId: null, kind: 'provider' as const, name, path: rootPath }
    // Drawn to move the sequence on: the next node must not get the root's id.
    await queries.drawNodeId(tx)
    await queries.insertNode(tx, { id: rootId, ...root })
  })
}
