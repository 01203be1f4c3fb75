import { sql } from 'kysely'
import type { EgressRule } from '../../net/policy.ts'
import type { Tx } from '../../store/scope.ts'
import { toJsonb } from '../../store/text.ts'

export interface StoredList {
  /** Undefined: nobody made it. */
  nodeId: number | undefined
  path: string
  rules: readonly EgressRule[]
}

/** The lists at these paths, from the top down. */
export async function selectLists(tx: Tx, paths: readonly string[]): Promise<StoredList[]> {
  return await tx
    .selectFrom('egress_policy')
    .select(['node_id as nodeId', 'node_path as path', 'rules'])
    .where('node_path', 'in', paths)
    .orderBy(sql`length(node_path)`)
    .execute()
}

export async function saveList(
  tx: Tx,
  node: { id: number; path: string },
  rules: readonly EgressRule[],
): Promise<void> {
  await tx
    .insertInto('egress_policy')
    .values({ node_id: node.id, node_path: node.path, rules: toJsonb(rules) })
    .onConflict((conflict) =>
      conflict
        .column('node_id')
        .doUpdateSet({ rules: toJsonb(rules), updated_at: sql<Date>`clock_timestamp()` }),
    )
    .execute()
}

export async function deleteList(tx: Tx, nodeId: number): Promise<void> {
  await tx.deleteFrom('egress_policy').where('node_id', '=', nodeId).execute()
}
