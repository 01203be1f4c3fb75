import { sql } from 'kysely'
import type { Change, JsonObject } from '../../core/json.ts'
import type { Tx } from '../../store/scope.ts'

export interface ResourceRow {
  id: number
  key: string
  name: string
  cols: (string | null)[]
  changedAt: Date
}

export interface ResourceSearch {
  tenantId: number
  model: string
  search: string | undefined
  /** Number of the column (from 1) and the value it must have, without regard to case. */
  equal: readonly { column: number; value: string }[]
}

function condition({ tenantId, model, search, equal }: ResourceSearch) {
  const parts = [
    sql`tenant_id = ${tenantId}`,
    sql`model_id = (select id from model where name = ${model})`,
    sql`removed_at is null`,
    ...equal.map(({ column, value }) => sql`lower(cols[${column}]) = lower(${value})`),
  ]
  if (search !== undefined) {
    const pattern = `%${search.replace(/[\\%_]/g, '\\$&')}%`
    parts.push(sql`(name ilike ${pattern}
      or exists (select from unnest(cols) as col where col ilike ${pattern}))`)
  }
  return sql.join(parts, sql` and `)
}

/** By name, behind a name and id. */
export async function selectResources(
  tx: Tx,
  search: ResourceSearch,
  after: { name: string; id: number } | undefined,
  limit: number,
): Promise<ResourceRow[]> {
  const behind =
    after === undefined ? sql`true` : sql`(lower(name), id) > (lower(${after.name}), ${after.id})`
  const { rows } = await sql<ResourceRow>`
    select id, key, name, cols, changed_at as "changedAt" from resource
    where ${condition(search)} and ${behind}
    order by lower(name), id limit ${limit}`.execute(tx)
  return rows
}

/** Counts up to `max` and no further. */
export async function countResources(tx: Tx, search: ResourceSearch, max: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from (
      select from resource where ${condition(search)} limit ${max}) as found`.execute(tx)
  return rows[0]?.count ?? 0
}

export interface FoundResource extends ResourceRow {
  removedAt: Date | null
}

/** By key, else by the value of a column; at most two, which is enough to know it is not one. */
export async function findResources(
  tx: Tx,
  tenantId: number,
  model: string,
  ref: string,
): Promise<FoundResource[]> {
  const columns = sql`id, key, name, cols, changed_at as "changedAt", removed_at as "removedAt"`
  const place = sql`tenant_id = ${tenantId}
    and model_id = (select id from model where name = ${model})`
  const byKey = await sql<FoundResource>`
    select ${columns} from resource where ${place} and key in (${ref}, lower(${ref}))`.execute(tx)
  if (byKey.rows.length > 0) return byKey.rows
  const byColumn = await sql<FoundResource>`
    select ${columns} from resource where ${place} and removed_at is null
      and (lower(name) = lower(${ref})
        or exists (select from unnest(cols) as col where lower(col) = lower(${ref})))
    order by id limit 2`.execute(tx)
  return byColumn.rows
}

/** Of these keys, those that are stored and not removed, with their names. */
export async function namesByKey(
  tx: Tx,
  tenantId: number,
  model: string,
  keys: readonly string[],
): Promise<Map<string, string>> {
  const { rows } = await sql<{ key: string; name: string }>`
    select key, name from resource
    where tenant_id = ${tenantId} and model_id = (select id from model where name = ${model})
      and removed_at is null and key = any(${keys})`.execute(tx)
  return new Map(rows.map((row) => [row.key, row.name]))
}

export async function selectData(tx: Tx, tenantId: number, id: number): Promise<JsonObject> {
  const { rows } = await sql<{ data: JsonObject }>`
    select data from resource_data where tenant_id = ${tenantId} and id = ${id}`.execute(tx)
  return rows[0]?.data ?? {}
}

export interface EdgeRow {
  kind: string
  key: string
  name: string | null
}

/** The edges of these kinds from or to an object, with the names of their other ends. */
export async function selectEdges(
  tx: Tx,
  tenantId: number,
  key: string,
  direction: 'from' | 'to',
  kinds: readonly string[],
  limit: number,
): Promise<EdgeRow[]> {
  const [ours, theirs] =
    direction === 'from' ? [sql`from_key`, sql`to_key`] : [sql`to_key`, sql`from_key`]
  const { rows } = await sql<EdgeRow>`
    select l.kind, l.${theirs} as key, (select min(r.name) from resource r
      where r.tenant_id = ${tenantId} and r.key = l.${theirs}) as name
    from link l where l.tenant_id = ${tenantId} and l.${ours} = ${key}
      and l.kind = any(${kinds})
    order by 1, 2 limit ${limit}`.execute(tx)
  return rows
}

export interface ChangeRow {
  at: Date
  cause: string
  patch: Change[]
}

/** Newest first. */
export async function selectHistory(
  tx: Tx,
  tenantId: number,
  id: number,
  offset: number,
  limit: number,
): Promise<ChangeRow[]> {
  const { rows } = await sql<ChangeRow>`
    select at, cause, patch from resource_change
    where tenant_id = ${tenantId} and id = ${id}
    order by at desc, cause offset ${offset} limit ${limit}`.execute(tx)
  return rows
}
