import { type RawBuilder, sql } from 'kysely'
import type { Filter } from '../../core/filter.ts'
import type { Change, JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import { columnText, foldCase } from '../../store/columns.ts'
import { columnAt, filterSql } from '../../store/filter.ts'
import type { Tx } from '../../store/scope.ts'

export interface ModelPlace {
  modelId: number
  /** Columns that not every stored row has yet. */
  filling: string[]
}

export async function placeOfModel(tx: Tx, model: string): Promise<ModelPlace> {
  const { rows } = await tx.client.query<ModelPlace>({
    name: 'place of model',
    text: `select m.id as "modelId", array(select c.name from model_column c
             where c.model_id = m.id and c.filled_at is null)::text[] as filling
           from model m where m.name = $1`,
    values: [model],
  })
  // A model in force has a row; without one there is nothing to list.
  return rows[0] ?? { modelId: 0, filling: [] }
}

export interface ResourceSearch {
  tenantId: number
  modelId: number
  filter: Filter | undefined
  /** Text sought in these places. */
  search: { text: string; places: readonly number[] } | undefined
  placeOf: (property: string) => number
  sort: { place: number; descending: boolean }
  /** The last row of the page before: what it was sorted by, its id; and the count of then. */
  after: { text: string; id: number; count?: number } | undefined
}

function condition(search: ResourceSearch) {
  // The model is written out, so that the planner knows how many rows there are of it.
  return sql`tenant_id = ${search.tenantId} and model_id = ${sql.lit(search.modelId)}
    and removed_at is null and ${sought(search)}`
}

/** What rows of the model have to hold to be found. */
function sought({ filter, search, placeOf }: ResourceSearch) {
  const parts = [sql`true`]
  if (filter !== undefined) parts.push(filterSql(filter, placeOf))
  if (search !== undefined) {
    const text = foldCase(search.text)
    const places = search.places.map((place) => sql`strpos(${columnAt(place)}, ${text}) > 0`)
    parts.push(sql`(${sql.join(places, sql` or `)})`)
  }
  return sql.join(parts, sql` and `)
}

/** Rows of a search are counted up to this; what is found more slowly, up to less. */
export function countMaxOf(search: ResourceSearch): number {
  return isOfAll(search) ? limits.countRowsMax : limits.countFoundMax
}

function isOfAll({ filter, search }: ResourceSearch): boolean {
  return filter === undefined && search === undefined
}

/**
 * The ids of a page, and how many rows there are in all, where there are more than countMaxOf, one
 * above it; behind a first page that is known. Where something is sought, rows are gathered up to
 * that number first: when there are no more, the page is cut from them, so that a filter no index
 * serves reads a tenant once and not for the count and the page each.
 */
export async function selectPage(
  tx: Tx,
  search: ResourceSearch,
  limit: number,
): Promise<{ ids: number[]; count: number }> {
  const known = search.after?.count
  if (isOfAll(search)) {
    const count = known ?? (await countRows(tx, search))
    return { count, ids: await walkPage(tx, search, limit) }
  }
  const many = countMaxOf(search) + 1
  if (known === many) return { count: many, ids: await pageOfMany(tx, search, limit) }
  const column = columnAt(search.sort.place)
  // Only where the page comes of it are the gathered rows sorted.
  const { rows } = await sql<{ ids: number[] | null; count: number }>`
    with found as materialized (
      select id, ${column} as text from resource
      where ${condition(search)} limit ${many}),
    total as materialized (select count(*) as count from found)
    select count, case when count < ${many} then
      array(select id from found ${behind(search, sql`text`)} limit ${limit}) end as ids
    from total`.execute(tx)
  const [gathered] = rows
  const ids = gathered?.ids ?? (await pageOfMany(tx, search, limit))
  return { count: known ?? gathered?.count ?? 0, ids }
}

/**
 * Of what is found often, a page is mostly together soon when rows are walked in order. Not where
 * what is found lies at the other end of that order, as people whose address begins with "z" do of
 * a list by name: so the walk ends after so many rows, and all that is found is sorted instead.
 */
async function pageOfMany(tx: Tx, search: ResourceSearch, limit: number): Promise<number[]> {
  const column = columnAt(search.sort.place)
  if (search.sort.place <= indexedPlaces) {
    const everything = { ...search, filter: undefined, search: undefined }
    const near = sql`
      select id from (
        select id, cols, ${column} as text from resource
        ${behind(search, column, condition(everything))} limit ${limits.listWalkRows}) as near
      where ${sought(search)} order by text ${orderOf(search)}, id ${orderOf(search)}
      limit ${limit}`
    const ids = await idsOf(tx, near)
    if (ids.length === limit) return ids
  }
  // `offset 0` keeps the planner from walking after all.
  const sorted = sql`
    select id from (
      select id, ${column} as text from resource where ${condition(search)} offset 0) as found
    ${behind(search, sql`text`)} limit ${limit}`
  return await idsOf(tx, sorted)
}

/** The ids a query finds, in its order. */
async function idsOf(tx: Tx, query: RawBuilder<unknown>): Promise<number[]> {
  const { rows } = await sql<{ ids: number[] }>`select array(${query}) as ids`.execute(tx)
  return rows[0]?.ids ?? []
}

async function countRows(tx: Tx, search: ResourceSearch): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from (
      select from resource
      where ${condition(search)} limit ${countMaxOf(search) + 1}) as found`.execute(tx)
  return rows[0]?.count ?? 0
}

/** The ids of a page alone, by walking the rows in order. */
export async function walkPage(tx: Tx, search: ResourceSearch, limit: number): Promise<number[]> {
  const column = columnAt(search.sort.place)
  const walked = sql`
    select id from resource ${behind(search, column, condition(search))} limit ${limit}`
  return await idsOf(tx, walked)
}

/** In order, behind the page before; `column` is what rows are sorted by. */
function behind(
  search: ResourceSearch,
  column: RawBuilder<unknown>,
  where: RawBuilder<unknown> = sql`true`,
) {
  const { sort, after } = search
  const order = orderOf(search)
  const follows = sort.descending ? sql`<` : sql`>`
  const from = after && sql`and (${column}, id) ${follows} (${after.text}, ${after.id})`
  return sql`where ${where} ${from ?? sql``} order by ${column} ${order}, id ${order}`
}

function orderOf({ sort }: ResourceSearch) {
  return sort.descending ? sql`desc` : sql`asc`
}

export interface ResourceRow {
  id: number
  key: string
  name: string
  changedAt: Date
  /** What the list is sorted by. */
  text: string
  data: JsonObject
}

/**
 * The rows of a page in the order of their ids. Objects come whole: picking the columns out of a
 * hundred of them took PostgreSQL 1.6 ms, and takes a third of it here.
 */
export async function selectRows(
  tx: Tx,
  tenantId: number,
  ids: readonly number[],
  sortPlace: number,
): Promise<ResourceRow[]> {
  const { rows } = await tx.client.query<ResourceRow>({
    name: 'rows of page',
    text: `select r.id, r.key, r.name, r.changed_at as "changedAt", r.cols[$3] as text, d.data
           from unnest($1::bigint[]) with ordinality as page (id, n)
           join resource r on r.id = page.id and r.tenant_id = $2
           join resource_data d on d.tenant_id = r.tenant_id and d.id = r.id
           order by page.n`,
    values: [ids, tenantId, sortPlace],
  })
  return rows
}

export interface FoundResource {
  id: number
  key: string
  name: string
  changedAt: Date
  removedAt: Date | null
}

/** By key, else by the value in one of `places`; at most two: enough to know it is not one. */
export async function findResources(
  tx: Tx,
  tenantId: number,
  model: string,
  ref: string,
  places: readonly number[],
): Promise<FoundResource[]> {
  const columns = sql`id, key, name, changed_at as "changedAt", removed_at as "removedAt"`
  const place = sql`tenant_id = ${tenantId}
    and model_id = (select id from model where name = ${model})`
  const byKey = await sql<FoundResource>`
    select ${columns} from resource where ${place} and key in (${ref}, lower(${ref}))`.execute(tx)
  if (byKey.rows.length > 0) return byKey.rows
  const text = columnText(ref)
  const byColumn = async (some: readonly number[]) => {
    if (some.length === 0) return []
    const equal = some.map((one) => sql`${columnAt(one)} = ${text}`)
    const { rows } = await sql<FoundResource>`
      select ${columns} from resource where ${place} and removed_at is null
        and (${sql.join(equal, sql` or `)}) order by id limit 2`.execute(tx)
    return rows
  }
  // Those with an index of their own first: hardly anybody is sought by anything else.
  const found = await byColumn(places.filter((one) => one <= indexedPlaces))
  return found.length > 0 ? found : byColumn(places.filter((one) => one > indexedPlaces))
}

/** `resource_first` to `_fourth`. */
const indexedPlaces = 4

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

/** What the tenant's rule for a model has syncs leave undone. */
export async function selectDisabled(
  tx: Tx,
  tenantId: number,
  model: string,
): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ disabled: string[] }>`
    select disabled from sync_rule join model on model.id = model_id
    where tenant_id = ${tenantId} and model.name = ${model}`.execute(tx)
  return new Set(rows[0]?.disabled)
}
