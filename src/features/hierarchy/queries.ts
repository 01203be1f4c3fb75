import { sql } from 'kysely'
import type { Permission } from '../../core/actor.ts'
import { type HierarchyNode, scopeEnd } from '../../core/hierarchy.ts'
import { runPrepared, type Tx } from '../../store/scope.ts'

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
  lock: 'none' | 'share' | 'update' = 'none',
): Promise<NodeRow | undefined> {
  let query = tx.selectFrom('node').select(columns).where('id', '=', id)
  if (lock === 'share') query = query.forShare()
  if (lock === 'update') query = query.forUpdate()
  const [node] = await runPrepared(tx, `node ${lock}`, query)
  return node
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

export interface ActiveWork {
  kind: 'sync' | 'transaction'
  id: number
  tenantId: number
  state: string
}

/** A run that waits for approval is work under way: it goes on with the path it began with. */
export async function selectActive(tx: Tx, tenantIds: readonly number[]): Promise<ActiveWork[]> {
  if (tenantIds.length === 0) return []
  const transactions = tx
    .selectFrom('transaction')
    .select([sql.lit<ActiveWork['kind']>('transaction').as('kind'), 'id', 'tenant_id as tenantId'])
    .select(sql<string>`state`.as('state'))
    .where('tenant_id', 'in', tenantIds)
    .where('state', 'in', ['queued', 'running', 'undoing'])
  return await tx
    .selectFrom('run')
    .select([sql.lit<ActiveWork['kind']>('sync').as('kind'), 'id', 'tenant_id as tenantId'])
    .select(sql<string>`state`.as('state'))
    .where('tenant_id', 'in', tenantIds)
    .where('state', 'in', ['queued', 'running', 'awaiting-approval'])
    .unionAll(transactions)
    .limit(1)
    .execute()
}

export async function lockSubtree(tx: Tx, path: string): Promise<Pick<NodeRow, 'path' | 'kind'>[]> {
  return await tx
    .selectFrom('node')
    .select(['node_path as path', 'kind'])
    .where('node_path', '>=', path)
    .where('node_path', '<', scopeEnd(path))
    .orderBy('node_path')
    .forUpdate()
    .execute()
}

/** The ids of the tenants at and below a path, locked so that no work on them begins. */
export async function lockTenants(tx: Tx, path: string): Promise<number[]> {
  const rows = await tx
    .selectFrom('tenant')
    .select('id')
    .where('node_path', '>=', path)
    .where('node_path', '<', scopeEnd(path))
    .orderBy('id')
    .forUpdate()
    .execute()
  return rows.map((row) => row.id)
}

/** Counted up to `limit`: counting all of them takes longer than anybody waits. */
export async function countObjects(
  tx: Tx,
  tenantIds: readonly number[],
  limit: number,
): Promise<number> {
  if (tenantIds.length === 0) return 0
  const some = tx
    .selectFrom('resource')
    .select('id')
    .where('tenant_id', 'in', tenantIds)
    .limit(limit)
  const { count } = await tx
    .selectFrom(some.as('some'))
    .select((where) => where.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return count
}

/** Tenants of a subtree that would part from what they depend on if `from` became `to`. */
export async function selectParted(
  tx: Tx,
  from: string,
  to: string,
): Promise<{ name: string; on: string }[]> {
  const parted = await sql<{ name: string; on: string }>`
    select moved.name, 'the tenant ' || first.name as "on"
      from tenant moved join tenant first on first.id = moved.below_tenant_id
     where starts_with(moved.node_path, ${from})
       and not starts_with(first.node_path, ${from}) and not starts_with(${to}, first.node_path)
    union all
    select moved.name, 'the certificate ' || used.name
      from tenant moved join certificate used
        on used.id in ((moved.settings ->> 'graph.certificateId')::bigint,
          (moved.settings ->> 'graph.secondCertificateId')::bigint)
     where starts_with(moved.node_path, ${from})
       and not starts_with(used.node_path, ${from}) and not starts_with(${to}, used.node_path)
    limit 1`.execute(tx)
  return parted.rows
}

/** What roles allow those who hold them at one of these paths, and so at everything below. */
export async function selectConferred(tx: Tx, paths: readonly string[]): Promise<Permission[][]> {
  if (paths.length === 0) return []
  const rows = await tx
    .selectFrom('role_grant')
    .innerJoin('role', 'role.id', 'role_grant.role_id')
    .innerJoin('access_profile', 'access_profile.id', 'role.profile_id')
    .select('access_profile.permissions')
    .where('role_grant.node_path', 'in', paths)
    .distinctOn('access_profile.id')
    .execute()
  return rows.map(({ permissions }) => permissions)
}

/** Roles held at and below a path, with the place of who holds them. */
export async function selectHeld(
  tx: Tx,
  path: string,
): Promise<{ id: number; personPath: string }[]> {
  return await tx
    .selectFrom('role_grant')
    .innerJoin('person', 'person.id', 'role_grant.person_id')
    .select(['role_grant.id', 'person.node_path as personPath'])
    .where('role_grant.node_path', '>=', path)
    .where('role_grant.node_path', '<', scopeEnd(path))
    .execute()
}

export async function selectHeldIds(tx: Tx, path: string): Promise<number[]> {
  const rows = await tx
    .selectFrom('role_grant')
    .select('id')
    .where('node_path', '>=', path)
    .where('node_path', '<', scopeEnd(path))
    .execute()
  return rows.map(({ id }) => id)
}

export async function deleteRoleGrants(tx: Tx, ids: readonly number[]): Promise<void> {
  if (ids.length > 0) await tx.deleteFrom('role_grant').where('id', 'in', ids).execute()
}

/** What happened stays where it happened; the application may not rewrite it anyway. */
export const recordTables: readonly string[] = ['audit', 'audit_seal', 'event']

/** Every table whose rows lie at a node, asked of the database: a new one is included by itself. */
export async function selectPathTables(tx: Tx): Promise<string[]> {
  const tables = await sql<{ name: string }>`
    select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = 'patchbay'::regnamespace and c.relkind in ('r', 'p')
       and not c.relispartition and a.attname = 'node_path' and not a.attisdropped
     order by c.relname`.execute(tx)
  return tables.rows.map((row) => row.name).filter((name) => !recordTables.includes(name))
}

export async function rewritePaths(
  tx: Tx,
  table: string,
  column: 'node_path' | 'scope',
  from: string,
  to: string,
): Promise<void> {
  const path = sql.ref(column)
  const rest = sql`substr(${path}, ${from.length + 1}::int)`
  await sql`update ${sql.table(table)} set ${path} = ${to} || ${rest}
     where ${path} >= ${from} and ${path} < ${scopeEnd(from)}`.execute(tx)
}

export async function updateParent(tx: Tx, id: number, parentId: number): Promise<void> {
  await tx.updateTable('node').set({ parent_id: parentId }).where('id', '=', id).execute()
}

/** What keeps a node from being deleted, in words with their number; empty when nothing does. */
export async function selectContents(
  tx: Tx,
  id: number,
): Promise<{ what: string; count: number }[]> {
  const found = await sql<{ what: string; count: number }>`
    select 'node below it' as what, count(*) as count from node where parent_id = ${id}
    union all select 'tenant', count(*) from tenant where node_id = ${id}
    union all select 'certificate', count(*) from certificate where node_id = ${id}
    union all select 'person', count(*) from person where node_id = ${id}
    union all select 'alert target', count(*) from alert_target where node_id = ${id}`.execute(tx)
  return found.rows.filter((row) => row.count > 0)
}
