import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { from as copyFrom } from 'pg-copy-streams'
import { createGraphWire } from '../src/connectors/graph/wire.ts'
import type { Json } from '../src/core/json.ts'
import { Sealed } from '../src/core/secret.ts'
import { readWhole } from '../src/core/wire.ts'
import { colsOf, nameOf } from '../src/engine/columns.ts'
import { loadModels } from '../src/engine/models/load.ts'
import { toRow } from '../src/engine/row.ts'
import { systemClock } from '../src/main/clock.ts'
import { arrayLiteral } from '../src/store/arrays.ts'
import { type Database, openDatabase } from '../src/store/database.ts'
import { inScope, type Tx } from '../src/store/scope.ts'
import { type GraphPlace, openPlainGraph, type PlainPage, usersQuery } from './plainGraph.ts'

/** What a sync cannot avoid, measured without one: run as a child process, answers by message. */
export interface AloneOrder extends GraphPlace {
  databaseUrl: string
  scope: string
  /** A number no tenant has: rows are loaded under it and removed again. */
  tenantId: number
}

export interface AloneResult {
  fetchSeconds: number
  loadSeconds: number
}

interface LoadPage {
  rows: string
  links: string
}

process.once('message', async (order: AloneOrder) => {
  const { seconds, pages } = await fetchAlone(order)
  const loadSeconds = await loadAlone(order, await encode(pages))
  process.send?.({ fetchSeconds: seconds, loadSeconds } satisfies AloneResult)
  process.disconnect?.()
})

/** Page after page; every page is kept. */
async function fetchAlone(place: GraphPlace) {
  const graph = await openPlainGraph(place)
  const began = performance.now()
  const pages: PlainPage[] = []
  for await (const page of graph.pages(`${place.url}/v1.0/users?${usersQuery}`)) pages.push(page)
  const seconds = (performance.now() - began) / 1_000
  await graph.close()
  return { seconds, pages }
}

/**
 * The very rows a sync writes, as text for COPY: made beforehand, so that only loading is timed.
 */
async function encode(pages: readonly PlainPage[]): Promise<LoadPage[]> {
  const models = await loadModels(fileURLToPath(new URL('../models', import.meta.url)))
  const model = models.find(({ id }) => id.endsWith('MSOLUser'))
  if (model === undefined) throw new Error('there is no model of users')
  const encoded: LoadPage[] = []
  for (const page of pages) {
    const wire = createGraphWire(answering(page))
    const read = await wire.list(model, undefined, new AbortController().signal)
    const written = readWhole(read).objects.flatMap(({ data, links }) => {
      const row = toRow(model, { data, links })
      return 'key' in row ? [{ row, data }] : []
    })
    const rows = written.map(({ row, data }) => {
      const cols = arrayLiteral(colsOf(model, data))
      return [row.key, nameOf(model, data), cols, `\\x${row.hash}`, JSON.stringify(data)]
    })
    const links = written.flatMap(({ row }) =>
      Object.entries(row.links).flatMap(([kind, keys]) => keys.map((to) => [kind, row.key, to])),
    )
    encoded.push({ rows: copyText(rows), links: copyText(links) })
  }
  return encoded
}

const escapes: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

/** Rows in COPY's text format. */
function copyText(rows: readonly (readonly string[])[]): string {
  const escaped = (text: string) => text.replace(/[\\\t\n\r]/g, (one) => escapes[one] ?? one)
  return rows.map((row) => `${row.map(escaped).join('\t')}\n`).join('')
}

async function copyIn(tx: Tx, statement: string, text: string): Promise<void> {
  await pipeline(Readable.from([text]), tx.client.query(copyFrom(statement)))
}

/** A transport that knows one answer: the page's objects go through the connector's own reading. */
function answering(page: PlainPage): Parameters<typeof createGraphWire>[0] {
  const items = page.value as Json[]
  const answer = async () => ({ status: 200, body: {}, items, headers: {} })
  const graph = 'https://graph.microsoft.com'
  return { graph, clock: systemClock, random: () => 0.5, send: answer, follow: answer }
}

async function loadAlone(order: AloneOrder, pages: readonly LoadPage[]): Promise<number> {
  const quiet = { info: () => {}, warn: () => {}, error: () => {} }
  const url = new Sealed(order.databaseUrl)
  const db = await openDatabase({ url, name: 'patchbay bench', log: quiet })
  const began = performance.now()
  for (const page of pages) await loadPage(db, order, page)
  const seconds = (performance.now() - began) / 1_000
  await removeLoaded(db, order)
  await db.close()
  return seconds
}

async function loadPage(db: Database, order: AloneOrder, page: LoadPage): Promise<void> {
  const { scope, tenantId } = order
  await inScope(db, scope, async (tx) => {
    await tx.client.query(`create temporary table if not exists loaded
      (id bigint default nextval('patchbay.resource_id_seq'), key text, name text, cols text[], hash bytea, data json) on commit delete rows`)
    await tx.client.query(`create temporary table if not exists loaded_link
      (kind text, from_key text, to_key text) on commit delete rows`)
    await copyIn(tx, 'copy loaded (key, name, cols, hash, data) from stdin', page.rows)
    await copyIn(tx, 'copy loaded_link (kind, from_key, to_key) from stdin', page.links)
    await sql`
      with narrow as (
        insert into resource (id, tenant_id, model_id, key, node_path, name, cols, hash)
        overriding system value
        select id, ${tenantId}, 1, key, ${scope}, name, cols, hash from loaded
      )
      insert into resource_data (tenant_id, id, node_path, data)
      select ${tenantId}, id, ${scope}, data from loaded`.execute(tx)
    await sql`
      insert into link (tenant_id, kind, from_key, to_key, node_path)
      select ${tenantId}, kind, from_key, to_key, ${scope} from loaded_link`.execute(tx)
  })
}

async function removeLoaded(db: Database, { scope, tenantId }: AloneOrder): Promise<void> {
  await inScope(db, scope, async (tx) => {
    for (const table of ['resource', 'resource_data', 'link']) {
      await sql`delete from ${sql.table(table)} where tenant_id = ${tenantId}`.execute(tx)
    }
  })
}
