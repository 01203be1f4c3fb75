import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { figure, fullSize } from '../figures/figure.ts'
import { type FreshDatabase, freshDatabase } from './testing.ts'

const entries = fullSize ? 1_000_000 : 20_000
/** Fewer ones are longer, so that it shows when all are held at once. */
const padding = fullSize ? 0 : 1_000
const customers = 20
const child = fileURLToPath(new URL('auditChild.ts', import.meta.url))
/** Names as strangers give them: each entry has to stay one line. */
const hostile = `E'a\\nb\\r\\n{"seq":1}\\u2028\\x1b[31m "quoted" '`

let fresh: FreshDatabase
let owner: pg.Client

beforeAll(async () => {
  fresh = await freshDatabase()
  owner = new pg.Client({
    connectionString: fresh.url.reveal(),
    options: '-c search_path=patchbay,public',
  })
  await owner.connect()
  await owner.query(`insert into node (id, parent_id, kind, name, node_path)
    select n, nullif(1, n), case n when 1 then 'provider' else 'customer' end, 'node ' || n,
           case n when 1 then '1.' else '1.' || n || '.' end from generate_series(1, ${customers}) n`)
  for (let from = 0; from < entries; from += 10_000) {
    // Through the trigger that seals, as the application's own entries go.
    await owner.query(`insert into audit (node_path, actor, action, tenant_id, subject, detail)
      select '1.' || n % ${customers - 1} + 2 || '.', '{"id": "person:1", "name": "Ada"}',
             'resource.removed', 7, ${hostile} || n,
             jsonb_build_object('name', ${hostile}, 'text', repeat('x', ${padding}))
        from generate_series(${from + 1}, ${from + 10_000}) n`)
  }
}, 1_200_000)
afterAll(async () => {
  await owner.end()
  await fresh.close()
})

test(`I6: ${entries} entries are taken out, one line each, and verified, in time and little memory`, async () => {
  // With the options the product's own launcher gives.
  const args = ['--max-semi-space-size=8', child, fresh.url.reveal()]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const told: Record<string, number> = JSON.parse(stdout)
  expect(told).toMatchObject({ lines: entries, verified: entries, faults: 0 })
  figure('entries that are not one line', told.broken ?? 1, '= 0')
  figure('s to take all out and verify all', told.seconds ?? 99, '<= 60')
  figure('MB of memory more', told.megabytes ?? 99, '<= 50')
}, 300_000)
