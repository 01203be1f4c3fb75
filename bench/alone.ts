import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { createGraphWire } from '../src/connectors/graph/wire.ts'
import type { Json } from '../src/core/json.ts'
import { Sealed } from '../src/core/secret.ts'
import { readWhole } from '../src/core/wire.ts'
import { loadModels } from '../src/engine/models/load.ts'
import { createRowBlock, rowArrays, rowsGiven, toRow } from '../src/engine/row.ts'
import { systemClock } from '../src/main/clock.ts'
import { textArray } from '../src/store/arrays.ts'
import { type Database, openDatabase } from '../src/store/database.ts'
import { inScope } from '../src/store/scope.ts'
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
  rows: Buffer[]
  links: Buffer[]
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

/** The rows a sync writes, as it gives them: made beforehand, so that only loading is timed. */
async function encode(pages: readonly PlainPage[]): Promise<LoadPage[]> {
  const models = await loadModels(fileURLToPath(new URL('../models', import.meta.url)))
  const model = models.find(({ id }) => id.endsWith('MSOLUser'))
  if (model === undefined) throw new Error('there is no model of users')
  const encoded: LoadPage[] = []
  for (const page of pages) {
    const wire = createGraphWire(answering(page))
    const read = await wire.list(model, undefined, new AbortController().signal)
    const { objects } = readWhole(read)
    const block = createRowBlock(objects.length)
    const rows = objects.map((object) => toRow(model, object, block)).filter((row) => 'key' in row)
    const links = rows.flatMap((row) =>
      Object.entries(row.links).flatMap(([kind, keys]) => keys.map((to) => [kind, row.key, to])),
    )
    const linkArrays = [0, 1, 2].map((column) => textArray(links.map((link) => link[column] ?? '')))
    encoded.push({ rows: rowArrays(rows), links: linkArrays })
  }
  return encoded
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
    await tx.client.query({
      name: 'load-rows',
      text: `
        with loaded as materialized (
          select nextval('patchbay.resource_id_seq') as id, given.* from ${rowsGiven}
        ), narrow as (
          insert into resource (id, tenant_id, model_id, key, node_path, name, cols, hash)
          overriding system value
          select id, $6, 1, key, $7, name, cols::text[], hash from loaded
        )
        insert into resource_data (tenant_id, id, node_path, data)
        select $6, id, $7, data from loaded`,
      values: [...page.rows, tenantId, scope],
    })
    await tx.client.query({
      name: 'load-links',
      text: `
        insert into link (tenant_id, kind, from_key, to_key, node_path)
        select $4, kind, from_key, to_key, $5
        from unnest($1::text[], $2::text[], $3::text[]) as loaded (kind, from_key, to_key)`,
      values: [...page.links, tenantId, scope],
    })
  })
}

async function removeLoaded(db: Database, { scope, tenantId }: AloneOrder): Promise<void> {
  await inScope(db, scope, async (tx) => {
    for (const table of ['resource', 'resource_data', 'link']) {
      await sql`delete from ${sql.table(table)} where tenant_id = ${tenantId}`.execute(tx)
    }
  })
}
