import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { readSealed, verifyChains } from '../../src/store/auditChain.ts'
import { inScope } from '../../src/store/scope.ts'
import { figure, fullSize } from '../figures/figure.ts'
import { type FreshDatabase, freshDatabase } from './testing.ts'

const entries = fullSize ? 1_000_000 : 20_000
const customers = 20
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
             'resource.removed', 7, ${hostile} || n, jsonb_build_object('name', ${hostile})
        from generate_series(${from + 1}, ${from + 10_000}) n`)
  }
}, 1_200_000)
afterAll(async () => {
  await owner.end()
  await fresh.close()
})

/** The most memory this process held above what it held before, in megabytes. */
async function grown(work: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage.rss()
  let most = before
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss())
  }, 20)
  await work().finally(() => clearInterval(watch))
  return (most - before) / (1024 * 1024)
}

test(`I6: ${entries} entries are taken out, one line each, and verified, in time and little memory`, async () => {
  let lines = 0
  let broken = 0
  let exportedMs = 0
  let verifiedMs = 0
  const megabytes = await grown(async () => {
    const began = performance.now()
    let after = { chain: 0, seq: 0 }
    for (;;) {
      const links = await inScope(fresh.db, '1.', (tx) =>
        readSealed(tx, after, limits.auditBatchRows),
      )
      lines += links.length
      broken += links.filter(({ entry = '\n' }) => /[\r\n]/.test(entry)).length
      const last = links.at(-1)
      if (last === undefined) break
      after = last
    }
    exportedMs = performance.now() - began
    const { chains, unsealed } = await verifyChains(fresh.db, '1.', true, [])
    verifiedMs = performance.now() - began - exportedMs
    expect(chains.reduce((sum, chain) => sum + chain.entries, 0)).toBe(entries)
    expect([unsealed, ...chains.map(({ fault }) => fault)]).toEqual(
      [undefined].concat(chains.map(() => undefined)),
    )
  })
  expect(lines).toBe(entries)
  figure('entries that are not one line', broken, '= 0')
  figure('s to take all out and verify all', (exportedMs + verifiedMs) / 1_000, '<= 60')
  figure('MB of memory more', megabytes, '<= 50')
}, 300_000)
