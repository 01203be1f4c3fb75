import type { Static } from 'typebox'
import type { Resource, ResourceDetail, resourceRoutes } from '../../contract/resources.ts'
import type { RouteAnswer, RouteInput } from '../../contract/route.ts'
import { type Actor, mayDo, scopesOf } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { type Model, namePlace } from '../../core/model.ts'
import type { Database } from '../../store/database.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { allowedOnObject } from '../access/allowed.ts'
import { notFound } from '../operation/notFound.ts'
import { idCursor, type PageQuery, readPage } from '../operation/paging.ts'
import { permittedTenantPath } from '../tenants/access.ts'
import { listCursor, readListQuery } from './listQuery.ts'
import * as queries from './queries.ts'

type ListQuery = RouteInput<typeof resourceRoutes.list>['query']
type ListAnswer = RouteAnswer<typeof resourceRoutes.list>
type HistoryAnswer = RouteAnswer<typeof resourceRoutes.history>

/**
 * Objects of a model, by name or by a column. Throws `bad-input` for a filter or an order by
 * something that is no column, `unavailable` by one that stored rows are just getting.
 */
export async function listResources(
  actor: Actor,
  db: Database,
  model: Model,
  tenantId: number,
  query: ListQuery,
): Promise<ListAnswer> {
  return inScope(db, scopesOf(actor), async (tx) => {
    await permittedTenantPath(tx, actor, 'Read', model.id, tenantId)
    const place = await queries.placeOfModel(tx, model.id)
    const search = readListQuery(model, place, tenantId, query)
    let count = 0
    const page = await readPage(
      query,
      async (limit) => {
        const found = await queries.selectPage(tx, search, limit)
        count = found.count
        return queries.selectRows(tx, tenantId, found.ids, search.sort.place)
      },
      (row) => showRow(model, row),
      (row) => listCursor(query.sort, row, count),
    )
    const countMax = queries.countMaxOf(search)
    return { ...page, count: Math.min(count, countMax), countIsExact: count <= countMax }
  })
}

function showRow(model: Model, row: queries.ResourceRow): Static<typeof Resource> {
  return {
    key: row.key,
    model: model.id,
    name: row.name,
    columns: Object.fromEntries(model.columns.map((name) => [name, row.data[name] ?? null])),
    changedAt: row.changedAt.toISOString(),
  }
}

/** One object with its edges. Throws `not-found`, or `conflict` when several have that value. */
export async function readResource(
  actor: Actor,
  db: Database,
  models: readonly Model[],
  model: Model,
  tenantId: number,
  ref: string,
): Promise<Static<typeof ResourceDetail>> {
  const max = limits.listRowsMax
  return inScope(db, scopesOf(actor), async (tx) => {
    const nodePath = await permittedTenantPath(tx, actor, 'Read', model.id, tenantId)
    const found = await findOne(tx, tenantId, model, ref)
    const place = { tenantId, nodePath, key: found.key }
    const { from: kindsFrom, to: kindsTo } = kindsOf(models, model, (other) =>
      mayDo(actor, 'Read', other, nodePath),
    )
    const disabled = await queries.selectDisabled(tx, tenantId, model.id)
    return {
      key: found.key,
      model: model.id,
      name: found.name,
      changedAt: found.changedAt.toISOString(),
      removedAt: found.removedAt?.toISOString() ?? null,
      allowed: await allowedOnObject(tx, actor, model, place, disabled),
      data: await queries.selectData(tx, tenantId, found.id),
      links: await queries.selectEdges(tx, tenantId, found.key, 'from', kindsFrom, max),
      linkedFrom: await queries.selectEdges(tx, tenantId, found.key, 'to', kindsTo, max),
    }
  })
}

/** The kinds of its edges, both ways, whose other ends may be read: their names are told. */
function kindsOf(
  models: readonly Model[],
  model: Model,
  mayRead: (model: string) => boolean,
): { from: string[]; to: string[] } {
  const from = model.links.filter(({ to }) => to.every(mayRead))
  const to = models
    .filter(({ id }) => mayRead(id))
    .flatMap(({ links }) => links.filter((link) => link.to.includes(model.id)))
  return { from: from.map(({ kind }) => kind), to: to.map(({ kind }) => kind) }
}

export async function readHistory(
  actor: Actor,
  db: Database,
  model: Model,
  tenantId: number,
  ref: string,
  query: PageQuery,
): Promise<HistoryAnswer> {
  const offset = idCursor(query.after)
  return inScope(db, scopesOf(actor), async (tx) => {
    await permittedTenantPath(tx, actor, 'Read', model.id, tenantId)
    const { id } = await findOne(tx, tenantId, model, ref)
    let shown = offset
    return readPage(
      query,
      (limit) => queries.selectHistory(tx, tenantId, id, offset, limit),
      (row) => {
        shown++
        return { at: row.at.toISOString(), cause: row.cause, changes: row.patch }
      },
      () => String(shown),
    )
  })
}

export async function findOne(
  tx: Tx,
  tenantId: number,
  model: Model,
  ref: string,
): Promise<queries.FoundResource> {
  const [found, another] = await queries.findResources(tx, tenantId, model.id, ref, [
    ...new Set([namePlace, ...model.places]),
  ])
  if (found === undefined) throw notFound(model.title)
  if (another !== undefined) {
    throw new AppError(
      'conflict',
      'Several objects have this value; name the one you mean by its key. `resource list` shows keys.',
    )
  }
  return found
}
