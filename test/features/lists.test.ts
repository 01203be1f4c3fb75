import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Filter, matches } from '../../src/core/filter.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { limits } from '../../src/core/limits.ts'
import type { Model } from '../../src/core/model.ts'
import { colsOf, nameOf } from '../../src/engine/columns.ts'
import { readModelFiles } from '../../src/engine/models/load.ts'
import { createModels } from '../../src/engine/models/versions/versions.ts'
import { bringShippedModels } from '../../src/features/models/shipped.ts'
import { listResources } from '../../src/features/resources/resources.ts'
import { columnText } from '../../src/store/columns.ts'
import { filterSql } from '../../src/store/filter.ts'
import { inScope } from '../../src/store/scope.ts'
import { actorAt, type Bench, failureOf, openBench } from './support.ts'

const people = 250
let bench: Bench
let users: Model
let skus: Model
let tenantId = 0
const scope = '1.2.'
const objects: JsonObject[] = []

beforeAll(async () => {
  bench = await openBench()
  const { db } = bench.store
  await bringShippedModels(db, await readModelFiles('models'))
  const models = await createModels(db).current()
  const find = (name: string) => {
    const found = models.find(({ id }) => id.endsWith(name))
    if (found === undefined) throw new Error(`there is no ${name}`)
    return found
  }
  users = find('MSOLUser')
  skus = find('MsolAccountSku')
  tenantId = await addTenant(2, scope)
  for (let index = 0; index < people; index++) objects.push(person(index))
  await store(users, objects)
  await store(
    skus,
    [2, 10, -3, 100].map((consumedUnits, index) => sku(index, consumedUnits)),
  )
})
afterAll(() => bench.close())

const departments = ['Sales', 'sales', 'Straße', 'Ops %_\\', '', null]

function person(index: number): JsonObject {
  return {
    id: randomUUID(),
    displayName: `Person ${String((index * 37) % people).padStart(3, '0')}`,
    userPrincipalName: `p${index}@contoso.com`,
    department: departments[index % departments.length] ?? null,
    jobTitle: index % 50 === 0 ? `${'x'.repeat(300)}${index}` : `Title ${index % 7}`,
    accountEnabled: index % 3 === 0,
  }
}

function sku(index: number, consumedUnits: number): JsonObject {
  return { skuId: randomUUID(), skuPartNumber: `SKU_${index}`, consumedUnits }
}

async function addTenant(node: number, path: string): Promise<number> {
  return await inScope(bench.store.db, '1.', async (tx) => {
    await sql`insert into node (id, parent_id, kind, name, node_path)
      overriding system value values (${node}, 1, 'customer', ${`Customer ${node}`}, ${path})`.execute(
      tx,
    )
    const { rows } = await sql<{ id: number }>`
      insert into tenant (node_id, node_path, name, microsoft_tenant_id, cloud, settings)
      values (${node}, ${path}, ${`Contoso ${node}`}, ${randomUUID()}, 'global', '{}')
      returning id`.execute(tx)
    return rows[0]?.id ?? 0
  })
}

async function store(model: Model, some: readonly JsonObject[], tenant = tenantId): Promise<void> {
  const rows = some.map((data) => ({
    key: String(data[model.key]),
    name: nameOf(model, data),
    cols: colsOf(model, data),
    data,
  }))
  await inScope(bench.store.db, scope, async (tx) => {
    await sql`
      with given as (
        select key, name, cols, data
        from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
          as given (key text, name text, cols text[], data jsonb)),
      written as (
        insert into resource (tenant_id, model_id, key, node_path, name, cols, hash)
        select ${tenant}, model.id, key, ${scope}, given.name, cols, ''
        from given join model on model.name = ${model.id} returning id, key)
      insert into resource_data (tenant_id, id, node_path, data)
      select ${tenant}, id, ${scope}, data from written join given using (key)`.execute(tx)
  })
}

type Query = Parameters<typeof listResources>[4]
const list = (query: Query & { limit?: number }, model = users, tenant = tenantId) =>
  listResources(actorAt(scope), bench.store.db, model, tenant, query)

async function walk(query: Query & { limit: number }, tenant = tenantId): Promise<string[]> {
  const keys: string[] = []
  let after: string | undefined
  for (let pages = 0; pages < 100; pages++) {
    const page = await list(after === undefined ? query : { ...query, after }, users, tenant)
    keys.push(...page.items.map(({ key }) => key))
    if (page.next === null) return keys
    after = page.next
  }
  throw new Error('the list does not end')
}

describe('a list', () => {
  it('shows values as they are at Microsoft, and counts', async () => {
    const page = await list({ limit: 2 })
    expect(page).toMatchObject({ count: people, countIsExact: true })
    const [first] = page.items
    const truth = objects.find(({ id }) => id === first?.key)
    expect(first?.name).toBe('Person 000')
    expect(first?.columns).toMatchObject({
      displayName: 'Person 000',
      accountEnabled: truth?.accountEnabled,
      city: null,
    })
  })

  it.each([undefined, 'department', '-department', '-userPrincipalName', 'jobTitle'])(
    'pages through everything once, in order by %s',
    async (sort) => {
      const query = sort === undefined ? { limit: 40 } : { limit: 40, sort }
      const keys = await walk(query)
      expect(new Set(keys).size).toBe(people)
      const column = sort?.replace('-', '') ?? 'displayName'
      const texts = keys.map((key) => columnText(objects.find(({ id }) => id === key)?.[column]))
      const sorted = [...texts].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      expect(texts).toEqual(sort?.startsWith('-') ? sorted.reverse() : sorted)
    },
  )

  it('goes on where it was, though others came and went before', async () => {
    const first = await list({ limit: 5 })
    const before: JsonObject = { ...person(people), displayName: 'Aaron' }
    await store(users, [before])
    const second = await list({ limit: 5, after: first.next ?? '' })
    expect(second.items[0]?.name).toBe('Person 005')
    // Counted once, for the first page.
    expect([first.count, second.count]).toEqual([people, people])
    expect((await list({ limit: 5 })).count).toBe(people + 1)
    await inScope(bench.store.db, scope, (tx) =>
      sql`delete from resource where key = ${String(before.id)}`.execute(tx),
    )
  })

  it('takes no place of another order, and nothing made up', async () => {
    const { next } = await list({ limit: 5, sort: 'department' })
    for (const after of [
      next ?? '',
      'WzFd',
      'x',
      Buffer.from('["","a\\u0000",1]').toString('base64url'),
    ]) {
      expect(await failureOf(list({ limit: 5, after }))).toMatchObject({ code: 'bad-input' })
    }
  })

  it('sorts and compares numbers by size', async () => {
    const units = async (query: Query) =>
      (await list(query, skus)).items.map(({ columns }) => columns.consumedUnits)
    expect(await units({ sort: 'consumedUnits' })).toEqual([-3, 2, 10, 100])
    expect(await units({ sort: '-consumedUnits', filter: ['consumedUnits<100'] })).toEqual([
      10, 2, -3,
    ])
    expect(await failureOf(list({ filter: ['consumedUnits>many'] }, skus))).toMatchObject({
      code: 'bad-input',
    })
  })

  it('finds a text in the name and the first columns, whatever signs are in it', async () => {
    expect((await list({ search: 'PERSON 01' })).count).toBe(10)
    expect((await list({ search: '%_\\' })).count).toBe(
      objects.filter(({ department }) => department === departments[3]).length,
    )
    expect((await list({ search: 'p7@' })).items).toHaveLength(1)
  })

  it.each([
    [['nothing=1']],
    [['department']],
    [['=x']],
    [["department'; drop table resource--=x"]],
  ])('refuses %j', async (filter) => {
    expect(await failureOf(list({ filter }))).toMatchObject({ code: 'bad-input' })
  })

  it('refuses an order by what is no column', async () => {
    expect(await failureOf(list({ sort: 'faxNumber' }))).toMatchObject({ code: 'bad-input' })
  })
})

describe('a list of more than is walked for a page', () => {
  const many = limits.listWalkRows + 2_000
  const crowd: JsonObject[] = []
  let tenant = 0

  beforeAll(async () => {
    tenant = await addTenant(4, `${scope}4.`)
    for (let index = 0; index < many; index++) {
      const name = `Person ${String((index * 37) % many).padStart(5, '0')}`
      const city = index % 3 === 0 ? 'Berlin' : `City ${index % 11}`
      const base = { id: randomUUID(), displayName: name, city, department: index % 2 ? 'A' : 'B' }
      crowd.push({ ...base, userPrincipalName: `${name.replace(' ', '')}@contoso.com` })
    }
    await store(users, crowd, tenant)
  })
  afterAll(() =>
    inScope(bench.store.db, scope, (tx) =>
      sql`delete from resource where tenant_id = ${tenant}`.execute(tx),
    ),
  )

  const last = `Person ${many - 1_500}`.replace(' ', ' 0')
  it.each([
    ['spread', { filter: ['city=Berlin'] }],
    ['spread, backwards', { filter: ['city=Berlin'], sort: '-userPrincipalName' }],
    ['at the far end', { filter: [`displayName>=${last}`] }],
    ['at the near end', { filter: [`displayName>=${last}`], sort: '-displayName' }],
    [
      'at the far end, by another column',
      { filter: [`userPrincipalName>=${last.replace(' ', '')}`] },
    ],
    ['in an order without an index', { filter: ['department=A'], sort: 'city' }],
    ['by a text', { search: 'person' }],
  ])('pages through what is found once, in order: %s', async (_, query: Query) => {
    const first = await list(query, users, tenant)
    expect(first).toMatchObject({ count: limits.countFoundMax, countIsExact: false })
    const keys = await walk({ ...query, limit: 300 }, tenant)
    const byKey = new Map(crowd.map((one) => [one.id, one]))
    const column = query.sort?.replace('-', '') ?? 'displayName'
    const texts = keys.map((key) => columnText(byKey.get(key)?.[column]))
    expect(texts).toEqual(
      query.sort?.startsWith('-') ? texts.toSorted().reverse() : texts.toSorted(),
    )
    const found = crowd.filter((one) => foundBy(query, one))
    expect([...keys].sort()).toEqual(found.map(({ id }) => String(id)).sort())
  })

  it('counts all there are', async () => {
    expect(await list({}, users, tenant)).toMatchObject({ count: many, countIsExact: true })
  })

  /** The cases above, in words of their own. */
  function foundBy({ filter, search }: Query, one: JsonObject): boolean {
    const [, property = '', op, value = ''] = /^(\w+)(>=|=)(.*)$/.exec(filter?.[0] ?? '') ?? []
    if (search !== undefined) return String(one.displayName).toLowerCase().includes(search)
    const text = String(one[property]).toLowerCase()
    return op === '=' ? text === value.toLowerCase() : text >= value.toLowerCase()
  }
})

describe('a filter', () => {
  const cases: Filter[] = [
    { op: 'eq', property: 'department', value: 'SALES' },
    { op: 'ne', property: 'department', value: 'sales' },
    { op: 'eq', property: 'accountEnabled', value: true },
    { op: 'in', property: 'department', values: ['sales', 'straße'] },
    { op: 'startsWith', property: 'department', value: 'ops %' },
    { op: 'contains', property: 'department', value: '_\\' },
    { op: 'endsWith', property: 'userPrincipalName', value: '9@CONTOSO.com' },
    { op: 'ge', property: 'displayName', value: 'person 200' },
    { op: 'lt', property: 'displayName', value: 'Person 010' },
    { op: 'eq', property: 'jobTitle', value: `${'X'.repeat(300)}50` },
    { op: 'not', of: { op: 'startsWith', property: 'displayName', value: 'person 1' } },
    {
      op: 'or',
      of: [
        { op: 'eq', property: 'displayName', value: 'person 007' },
        {
          op: 'and',
          of: [
            { op: 'eq', property: 'jobTitle', value: 'title 3' },
            { op: 'eq', property: 'accountEnabled', value: false },
          ],
        },
      ],
    },
    { op: 'and', of: [] },
    { op: 'or', of: [] },
  ]

  it.each(cases)('means in PostgreSQL what it means in memory: %j', async (filter) => {
    const expected = objects.filter((object) => matches(filter, object)).map(({ id }) => id)
    const placeOf = (property: string) => users.places[users.columns.indexOf(property)] ?? 0
    const { rows } = await inScope(bench.store.db, scope, (tx) =>
      sql<{ key: string }>`select key from resource join model m on m.id = model_id
        where m.name = ${users.id} and ${filterSql(filter, placeOf)}`.execute(tx),
    )
    expect(rows.map(({ key }) => key).sort()).toEqual([...expected].sort())
  })

  it('shows nothing of another node', async () => {
    const elsewhere = listResources(actorAt('1.3.'), bench.store.db, users, tenantId, {})
    expect(await failureOf(elsewhere)).toMatchObject({ code: 'not-found' })
    const { rows } = await inScope(bench.store.db, '1.3.', (tx) =>
      sql`select from resource where cols[1] >= ''`.execute(tx),
    )
    expect(rows).toEqual([])
  })
})

describe('what lists compare by', () => {
  it('fits an index entry, however long and many values are', async () => {
    const data = Object.fromEntries(
      users.columns.map((column) => [column, '\u{1f600}é'.repeat(999)]),
    )
    const long = { ...data, id: randomUUID() }
    expect(users.columns.length).toBeLessThanOrEqual(16)
    for (const text of colsOf(users, long)) {
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(limits.columnBytes)
    }
    const wide = [...Array(limits.modelColumnsMax)].map((_, at) =>
      at < 17 ? columnText('\u{1f600}'.repeat(999)) : '',
    )
    const path = '1.'.padEnd(240, '9').concat('.')
    await inScope(bench.store.db, '1.', (tx) =>
      sql`insert into resource (tenant_id, model_id, key, node_path, name, cols, hash)
        values (${tenantId}, 1, 'wide', ${path}, 'wide', ${wide}::text[], '')`.execute(tx),
    )
  })

  it('keeps different values different, and numbers in order', () => {
    expect(columnText('x'.repeat(500))).not.toBe(columnText('x'.repeat(501)))
    const numbers = [-1e300, -10, -9.5, -0.001, 0, 1e-9, 1, 2, 10, 1e21]
    const keys = numbers.map(columnText)
    expect([...keys].sort()).toEqual(keys)
  })

  it('is sought by index under row-level security', async () => {
    // Few rows: any index would do. Only the one that is meant stays.
    const owner = new pg.Client({ connectionString: bench.url.reveal() })
    await owner.connect()
    await owner.query(
      `drop index patchbay.resource_scan, patchbay.resource_first, patchbay.resource_third,
         patchbay.resource_fourth`,
    )
    await owner.end()
    const plan = await inScope(bench.store.db, scope, async (tx) => {
      await sql`set local enable_seqscan = off`.execute(tx)
      const { rows } = await sql<Record<string, string>>`
        explain select id from resource where tenant_id = ${tenantId} and model_id = 1
          and removed_at is null and cols[2] >= 'a' and cols[2] < 'b'`.execute(tx)
      return rows.map((row) => row['QUERY PLAN']).join('\n')
    })
    // Before the policy, by the index: what only a leakproof operator may do.
    expect(plan).toMatch(/Index Cond: .*cols\[2\] >= 'a'/)
  })
})
