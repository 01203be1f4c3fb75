import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import type { Model } from '../../src/core/model.ts'
import { loadModels } from '../../src/engine/models/load.ts'
import { exportCsv, exportJson } from '../../src/features/resources/export.ts'
import { inScope } from '../../src/store/scope.ts'
import { actorAt, addNode, type Bench, failureOf, openBench, provider } from './support.ts'

const rows = limits.exportPageRows * 2 + 30
let bench: Bench
let model: Model
let tenantId: number
let path: string

beforeAll(async () => {
  bench = await openBench()
  const models = await loadModels('models')
  model = models.find(({ id }) => id === 'device/msgraph/MSOLUser') ?? expect.fail('no model')
  const node = await addNode(bench, 1, 'customer', 'Contoso')
  path = node.path
  await inScope(bench.store.db, path, async (tx) => {
    const tenant = await sql<{ id: number }>`insert into tenant
      (node_id, node_path, name, microsoft_tenant_id, cloud, settings)
      values (${node.id}, ${path}, 'Contoso', gen_random_uuid(), 'global', '{}')
      returning id`.execute(tx)
    tenantId = tenant.rows[0]?.id ?? 0
    await sql`insert into model (name) values (${model.id}) on conflict do nothing`.execute(tx)
    await sql`with named as (
        select n, case when n % 3 = 0 then '=cmd(' || n || ')' else 'Person ' || n end as name
        from generate_series(1, ${rows}::int) as n),
      written as (
        insert into resource (tenant_id, model_id, key, node_path, name, cols, hash)
        select ${tenantId}, (select id from model where name = ${model.id}), 'key ' || n, ${path},
          name, array[lower(name)], '' from named returning id, name, key)
      insert into resource_data (tenant_id, id, node_path, data)
      select ${tenantId}, id, ${path}, jsonb_build_object('displayName', name, 'department', '-"x",
y', 'businessPhones', jsonb_build_array('+49 30 1')) from written`.execute(tx)
  })
})
afterAll(() => bench.close())

async function all(pieces: AsyncIterable<string>): Promise<{ text: string; pieces: string[] }> {
  const got: string[] = []
  for await (const piece of pieces) got.push(piece)
  return { text: got.join(''), pieces: got }
}

/** CSV as RFC 4180 has it, read without our writer. */
function parse(text: string): string[][] {
  const cells = [...text.matchAll(/"((?:[^"]|"")*)"(,|\r\n)/g)]
  const lines: string[][] = [[]]
  for (const [, cell = '', end] of cells) {
    lines.at(-1)?.push(cell.replaceAll('""', '"'))
    if (end === '\r\n') lines.push([])
  }
  return lines.slice(0, -1)
}

it('C3: CSV holds every object once, and no cell that a spreadsheet would run', async () => {
  const { text, pieces } = await all(await exportCsv(provider, bench.store.db, model, tenantId, {}))
  const [head = [], ...lines] = parse(text)
  expect(head).toEqual(['key', 'name', 'changedAt', ...model.properties.map(({ name }) => name)])
  expect(new Set(lines.map(([key]) => key)).size).toBe(rows)
  expect(lines).toHaveLength(rows)
  expect(lines.flat().filter((cell) => /^[=+\-@\t\r]/.test(cell))).toEqual([])
  expect(lines.some(([, name]) => name === "'=cmd(3)")).toBe(true)
  expect(lines[0]?.[head.indexOf('department')]).toBe(`'-"x",\ny`)
  // Piece by piece: the head, and then a page at a time.
  expect(pieces).toHaveLength(4)
})

it('JSON holds them as they are', async () => {
  const { text } = await all(await exportJson(provider, bench.store.db, model, tenantId, {}))
  const objects: { key: string; name: string; data: { displayName: string } }[] = JSON.parse(text)
  expect(new Set(objects.map(({ key }) => key)).size).toBe(rows)
  expect(objects.every(({ name, data }) => data.displayName === name)).toBe(true)
  const none = await exportJson(provider, bench.store.db, model, tenantId, { search: 'nobody' })
  expect(JSON.parse((await all(none)).text)).toEqual([])
})

it('is on record before the first piece', async () => {
  const before = await exports()
  await exportCsv(provider, bench.store.db, model, tenantId, { search: 'Person' })
  const after = await exports()
  expect(after).toHaveLength(before.length + 1)
  expect(after.at(-1)).toMatchObject({ model: model.id, format: 'csv', search: 'Person' })
})

async function exports(): Promise<object[]> {
  const { rows } = await inScope(bench.store.db, '1.', (tx) =>
    sql<{ detail: object }>`
      select detail from audit where action = 'resource.export' order by id`.execute(tx),
  )
  return rows.map(({ detail }) => detail)
}

it('needs the right to export, and not only to read', async () => {
  const reader = actorAt('1.', [{ type: '*', operations: ['Read'] }])
  const started = exportCsv(reader, bench.store.db, model, tenantId, {})
  expect((await failureOf(started)).code).toBe('not-permitted')
  const elsewhere = exportCsv(actorAt('9.'), bench.store.db, model, tenantId, {})
  expect((await failureOf(elsewhere)).code).toBe('not-found')
  const before = await exports()
  expect(before.every((detail) => 'format' in detail)).toBe(true)
})
