import type { exportRoutes } from '../../contract/exports.ts'
import type { RouteInput } from '../../contract/route.ts'
import { type Actor, scopesOf } from '../../core/actor.ts'
import type { JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import type { Database } from '../../store/database.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { record } from '../operation/record.ts'
import { permittedTenantPath } from '../tenants/access.ts'
import { csvLine } from './csv.ts'
import { readListQuery } from './listQuery.ts'
import * as queries from './queries.ts'

type ExportQuery = RouteInput<typeof exportRoutes.csv>['query']

/** Key, name and every property of the model, a column each; lists and objects as JSON. */
export async function exportCsv(
  actor: Actor,
  db: Database,
  model: Model,
  tenantId: number,
  query: ExportQuery,
): Promise<AsyncIterable<string>> {
  const pages = await startExport(actor, db, model, tenantId, query, 'csv')
  const names = model.properties.map((property) => property.name)
  return (async function* () {
    yield csvLine(['key', 'name', 'changedAt', ...names])
    for await (const page of pages) {
      yield page
        .map(({ key, name, changedAt, data }) =>
          csvLine([key, name, changedAt, ...names.map((property) => data[property])]),
        )
        .join('')
    }
  })()
}

/** An array of objects with key, name, changedAt and data. */
export async function exportJson(
  actor: Actor,
  db: Database,
  model: Model,
  tenantId: number,
  query: ExportQuery,
): Promise<AsyncIterable<string>> {
  const pages = await startExport(actor, db, model, tenantId, query, 'json')
  return (async function* () {
    let before = '[\n'
    for await (const page of pages) {
      yield before + page.map((object) => JSON.stringify(object)).join(',\n')
      before = ',\n'
    }
    yield before === '[\n' ? '[]\n' : '\n]\n'
  })()
}

interface Exported {
  key: string
  name: string
  changedAt: string
  data: JsonObject
}

/**
 * Puts the export on record, then reads page after page, each in a transaction of its own: a slow
 * reader holds no connection, and memory holds two pages however many there are. The rights are
 * asked for each page, so that they end when they are taken away.
 */
async function startExport(
  actor: Actor,
  db: Database,
  model: Model,
  tenantId: number,
  query: ExportQuery,
  format: 'csv' | 'json',
): Promise<AsyncIterable<Exported[]>> {
  const filters = query.filter ?? []
  const permitted = (tx: Tx, lock?: 'share') =>
    permittedTenantPath(tx, actor, 'Export', model.id, tenantId, lock)
  const search = await inScope(db, scopesOf(actor), async (tx) => {
    const nodePath = await permitted(tx, 'share')
    const wanted = readListQuery(model, await queries.placeOfModel(tx, model.id), tenantId, query)
    const detail = { model: model.id, format, search: query.search ?? null, filter: filters }
    const subject = `tenant:${tenantId}`
    await record(tx, actor, { nodePath, tenantId, action: 'resource.export', subject, detail })
    return wanted
  })
  return (async function* () {
    let after: queries.ResourceSearch['after']
    for (;;) {
      const rows = await inScope(db, scopesOf(actor), async (tx) => {
        await permitted(tx)
        const ids = await queries.walkPage(tx, { ...search, after }, limits.exportPageRows)
        return await queries.selectRows(tx, tenantId, ids, search.sort.place)
      })
      const last = rows.at(-1)
      if (last === undefined) return
      yield rows.map(({ key, name, changedAt, data }) => ({
        ...{ key, name, changedAt: changedAt.toISOString(), data },
      }))
      if (rows.length < limits.exportPageRows) return
      after = { text: last.text, id: last.id }
    }
  })()
}
