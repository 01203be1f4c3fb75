import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { Agent, fetch } from 'undici'
import { createGraphWire } from '../src/connectors/graph/wire.ts'
import { Sealed } from '../src/core/secret.ts'
import { loadModels } from '../src/engine/models/load.ts'
import { copyText, createRowBlock, toRow } from '../src/engine/row.ts'
import type { EmulatedTenant } from '../src/main/children.ts'
import { systemClock } from '../src/main/clock.ts'
import { copyIn, copyRow } from '../src/store/copy.ts'
import { type Database, openDatabase } from '../src/store/database.ts'
import { inScope } from '../src/store/scope.ts'

/** What a sync cannot avoid, measured without one: run as a child process, answers by message. */
export interface AloneOrder {
  url: string
  caFile: string
  tenant: EmulatedTenant
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
  links: string[]
}

process.once('message', async (order: AloneOrder) => {
  const { seconds, pages } = await fetchAlone(order)
  const loadSeconds = await loadAlone(order, await encode(pages))
  process.send?.({ fetchSeconds: seconds, loadSeconds } satisfies AloneResult)
  process.disconnect?.()
})

const select =
  'id,displayName,userPrincipalName,givenName,surname,mail,mailNickname,accountEnabled,userType,' +
  'department,jobTitle,companyName,employeeId,employeeType,officeLocation,streetAddress,city,' +
  'state,postalCode,country,usageLocation,preferredLanguage,businessPhones,mobilePhone,faxNumber,' +
  'otherMails,proxyAddresses,onPremisesSyncEnabled,onPremisesImmutableId,' +
  'onPremisesSamAccountName,createdDateTime,assignedLicenses'

/** Page after page with the plainest client there is; every page is parsed and kept. */
async function fetchAlone({ url, caFile, tenant }: AloneOrder) {
  const dispatcher = new Agent({ connect: { ca: await readFile(caFile, 'utf8') } })
  const body = new URLSearchParams({
    ...{ grant_type: 'client_credentials', scope: 'https://graph.microsoft.com/.default' },
    ...{ client_id: tenant.clientId, client_secret: tenant.clientSecret },
  })
  const signIn = `${url}/${tenant.tenantId}/oauth2/v2.0/token`
  const answer = await fetch(signIn, { method: 'POST', body, dispatcher })
  const { access_token: token } = (await answer.json()) as { access_token: string }
  const headers = { authorization: `Bearer ${token}` }
  const began = performance.now()
  const pages: { value: object[] }[] = []
  let next: string | undefined =
    `${url}/v1.0/users?$select=${select}&$top=999&$expand=manager($select=id)`
  while (next !== undefined) {
    const page = await fetch(next, { headers, dispatcher })
    const parsed = (await page.json()) as { value: object[]; '@odata.nextLink'?: string }
    pages.push(parsed)
    next = parsed['@odata.nextLink']
  }
  const seconds = (performance.now() - began) / 1_000
  await dispatcher.close()
  return { seconds, pages }
}

/**
 * The very rows a sync writes, as text for COPY: made beforehand, so that only loading is timed.
 */
async function encode(pages: readonly { value: object[] }[]): Promise<LoadPage[]> {
  const models = await loadModels(fileURLToPath(new URL('../models', import.meta.url)))
  const model = models.find(({ id }) => id.endsWith('MSOLUser'))
  if (model === undefined) throw new Error('there is no model of users')
  const encoded: LoadPage[] = []
  for (const page of pages) {
    const wire = createGraphWire(answering(page))
    const { objects } = await wire.list(model, undefined, new AbortController().signal)
    const block = createRowBlock(objects.length)
    const rows = objects.map((object) => toRow(model, object, block)).filter((row) => 'key' in row)
    encoded.push({
      rows: copyText(rows),
      links: rows.flatMap((row) =>
        Object.entries(row.links).flatMap(([kind, keys]) =>
          keys.map((to) => copyRow([kind, row.key, to])),
        ),
      ),
    })
  }
  return encoded
}

/** A transport that knows one answer: the page's objects go through the connector's own reading. */
function answering(page: { value: object[] }): Parameters<typeof createGraphWire>[0] {
  const body = { value: page.value } as never
  const answer = async () => ({ status: 200, body, headers: {} })
  const graph = 'https://graph.microsoft.com'
  return { graph, clock: systemClock, random: Math.random, send: answer, follow: answer }
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
      (key text, name text, cols text[], hash bytea, data jsonb) on commit delete rows`)
    await tx.client.query(`create temporary table if not exists loaded_link
      (kind text, from_key text, to_key text) on commit delete rows`)
    await copyIn(tx, 'copy loaded (key, name, cols, hash, data) from stdin', page.rows)
    await copyIn(tx, 'copy loaded_link (kind, from_key, to_key) from stdin', page.links)
    await sql`
      with written as (
        insert into resource (tenant_id, model_id, key, node_path, name, cols, hash)
        select ${tenantId}, 1, key, ${scope}, name, cols, hash from loaded returning id, key
      )
      insert into resource_data (tenant_id, id, node_path, data)
      select ${tenantId}, written.id, ${scope}, data from written join loaded using (key)`.execute(
      tx,
    )
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
