import { sql } from 'kysely'
import type { HierarchyNode } from '../../core/hierarchy.ts'
import type { Tx } from '../../store/scope.ts'

export interface NodeRow extends HierarchyNode {
  createdAt: Date
}

const columns = [
  'id',
  'parent_id as parentId',
  'kind',
  'name',
  'node_path as path',
  'created_at as createdAt',
] as const

/** Paths sort as text, so a node comes before everything below it. */
export async function selectNodes(tx: Tx, after: string, limit: number): Promise<NodeRow[]> {
  return await tx
    .selectFrom('node')
    .select(columns)
    .where('node_path', '>', after)
    .orderBy('node_path')
    .limit(limit)
    .execute()
}

/** `share` keeps the node where it is, `update` also keeps everybody else's `share` away. */
export async function selectNode(
  tx: Tx,
  id: number,
  lock?: 'share' | 'update',
): Promise<NodeRow | undefined> {
  const query = tx.selectFrom('node').select(columns).where('id', '=', id)
  if (lock === 'share') return await query.forShare().executeTakeFirst()
  if (lock === 'update') return await query.forUpdate().executeTakeFirst()
  return await query.executeTakeFirst()
}

/** The visible ones among the nodes with these paths, from the top down. */
export async function selectNodesAt(tx: Tx, paths: readonly string[]): Promise<NodeRow[]> {
  if (paths.length === 0) return []
  return await tx
    .selectFrom('node')
    .select(columns)
    .where('node_path', 'in', paths)
    .orderBy(sql`length(node_path)`)
    .execute()
}

export async function drawNodeId(tx: Tx): Promise<number> {
  const drawn = await sql<{ id: number }>`select nextval('node_id_seq') as id`.execute(tx)
  const [row] = drawn.rows
  if (row === undefined) throw new RangeError('a sequence gave no number')
  return row.id
}

/** One at a time changes the shape of the tree; everything else goes on. Held until the commit. */
export async function lockShape(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('patchbay hierarchy'))`.execute(tx)
}

export async function insertNode(tx: Tx, node: HierarchyNode): Promise<NodeRow> {
  return await tx
    .insertInto('node')
    .values({
      id: node.id,
      parent_id: node.parentId,
      kind: node.kind,
      name: node.name,
      node_path: node.path,
    })
    .returning(columns)
    .executeTakeFirstOrThrow()
}

export async function updateNodeName(tx: Tx, id: number, name: string): Promise<void> {
  await tx.updateTable('node').set({ name }).where('id', '=', id).execute()
}

export async function deleteNodeRow(tx: Tx, id: number): Promise<void> {
  await tx.deleteFrom('node').where('id', '=', id).execute()
}
