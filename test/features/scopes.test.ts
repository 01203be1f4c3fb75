import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseCondition } from '../../src/core/condition.ts'
import { type Filter, matches } from '../../src/core/filter.ts'
import { limits } from '../../src/core/limits.ts'
import type { Model } from '../../src/core/model.ts'
import { readFilter } from '../../src/core/readFilter.ts'
import { readModelFiles } from '../../src/engine/models/load.ts'
import { createModels } from '../../src/engine/models/versions/versions.ts'
import { inScopeOf } from '../../src/engine/sync/scope/inScope.ts'
import { scopeOf } from '../../src/engine/sync/scope/queries.ts'
import { bringShippedModels } from '../../src/features/models/shipped.ts'
import { listScopes, setScope } from '../../src/features/scopes/scopes.ts'
import { insertRun } from '../../src/features/syncs/queries.ts'
import { inScope } from '../../src/store/scope.ts'
import { actorAt, type Bench, failureOf, openBench, provider } from './support.ts'

let bench: Bench
let users: Model
let tenantId = 0
const scope = '1.2.'
const here = actorAt(scope)

beforeAll(async () => {
  bench = await openBench()
  const { db } = bench.store
  await bringShippedModels(db, await readModelFiles('models'))
  const found = (await createModels(db).current()).find(({ id }) => id.endsWith('MSOLUser'))
  if (found === undefined) throw new Error('users are no model')
  users = found
  await inScope(db, '1.', async (tx) => {
    await sql`insert into node (id, parent_id, kind, name, node_path)
      overriding system value values (2, 1, 'customer', 'Customer', ${scope})`.execute(tx)
    const { rows } = await sql<{ id: number }>`
      insert into tenant (node_id, node_path, name, microsoft_tenant_id, cloud, settings)
      values (2, ${scope}, 'Contoso', ${randomUUID()}, 'global', '{}') returning id`.execute(tx)
    tenantId = rows[0]?.id ?? 0
    await sql`insert into sync_state (tenant_id, model_id, node_path, delta_cursor)
      select ${tenantId}, id, ${scope}, 'a' from model where name like '%/MSOLUser'`.execute(tx)
  })
})
afterAll(() => bench.close())

const sales: Filter = { op: 'eq', property: 'department', value: 'Sales' }
const set = (filter: unknown, actor = here) =>
  setScope(actor, bench.store.db, tenantId, users, filter)
const stored = () =>
  inScope(bench.store.db, scope, async (tx) => {
    const { rows } = await sql<{ id: number; cursor: string | null }>`
      select m.id, delta_cursor as cursor from model m join sync_state s on s.model_id = m.id
      where m.name = ${users.id}`.execute(tx)
    const [row] = rows
    return { filter: await scopeOf(tx, tenantId, row?.id ?? 0), cursor: row?.cursor }
  })

describe('the scope of a model', () => {
  it('is kept, on record, and makes the next sync read the full list', async () => {
    expect(await stored()).toEqual({ filter: undefined, cursor: 'a' })
    expect(await set({ op: 'and', of: [sales] })).toMatchObject({ model: users.id })
    expect(await stored()).toEqual({ filter: { op: 'and', of: [sales] }, cursor: null })
    expect((await listScopes(here, bench.store.db, tenantId)).items).toHaveLength(1)
    const { rows } = await inScope(bench.store.db, scope, (tx) =>
      sql<{ detail: object }>`select detail from audit where action = 'syncScope.set'`.execute(tx),
    )
    expect(rows).toMatchObject([{ detail: { model: users.id } }])
    expect(await set(null)).toEqual({ model: users.id, filter: null })
    expect(await stored()).toEqual({ filter: undefined, cursor: null })
  })

  it('is nothing for those who may not see the tenant', async () => {
    const stranger = actorAt('1.3.')
    expect(await failureOf(set(sales, stranger))).toMatchObject({ code: 'not-found' })
    const reader = actorAt(scope, [{ type: '*', operations: ['Read'] }])
    expect(await failureOf(set(sales, reader))).toMatchObject({ code: 'not-permitted' })
  })

  it('does not change under a sync', async () => {
    await inScope(bench.store.db, scope, (tx) =>
      insertRun(tx, { tenantId, nodePath: scope, fullList: false, actor: provider }),
    )
    expect(await failureOf(set(sales))).toMatchObject({ code: 'conflict' })
  })
})

describe('a filter from outside', () => {
  const deep = (levels: number): object =>
    levels === 0 ? sales : { op: 'not', of: deep(levels - 1) }
  it.each([
    [null, 'f'],
    [{ op: 'eval', property: 'department', value: 'x' }, 'f.op'],
    [{ op: 'and', of: [] }, 'f.of'],
    [{ op: 'or', of: [sales, { op: 'eq', property: 'shoeSize', value: 1 }] }, 'f.of.1.property'],
    [{ op: 'eq', property: 'assignedLicenses', value: 'x' }, 'f.property'],
    [{ op: 'eq', property: '__proto__', value: 'x' }, 'f.property'],
    [{ op: 'eq', property: 'department', value: { a: 1 } }, 'f.value'],
    [{ op: 'eq', property: 'accountEnabled', value: 'perhaps' }, 'f.value'],
    [{ op: 'contains', property: 'department', value: null }, 'f.value'],
    [{ op: 'in', property: 'department', values: [] }, 'f.values'],
    [deep(limits.filterDepthMax), 'f'],
    [{ op: 'or', of: Array(limits.filterPartsMax).fill(sales) }, 'f'],
  ])('%j is refused at its place', (value, field) => {
    let thrown: unknown
    try {
      readFilter(value, users.properties, 'f')
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ code: 'bad-input', fields: [{ field }] })
  })

  it('comes out with values of their types and nothing else', () => {
    const read = readFilter(
      { op: 'eq', property: 'accountEnabled', value: 'true', more: 'x' },
      users.properties,
      'f',
    )
    expect(read).toEqual({ op: 'eq', property: 'accountEnabled', value: true })
  })

  it('that the wire cannot write down is refused before the next sync fails by it', async () => {
    const filter = { op: 'contains', property: 'accountEnabled', value: 'true' }
    expect(await failureOf(set(filter))).toMatchObject({ code: 'bad-input' })
  })
})

describe('what is in scope', () => {
  it.each([
    [undefined, {}, true],
    [sales, { department: 'SALES' }, true],
    [sales, { department: null }, false],
    [{ op: 'ne', property: 'department', value: 'Sales' } as const, {}, true],
    [
      { op: 'eq', property: 'businessPhones', value: '1' } as const,
      { businessPhones: ['2', '1'] },
      true,
    ],
    [{ op: 'eq', property: 'businessPhones', value: '1' } as const, { businessPhones: [] }, false],
    [{ op: 'not', of: sales } as const, { department: 'sales' }, false],
  ])('%j of %j: %s', (filter, object, expected) => {
    expect(inScopeOf(users, filter)(object)).toBe(expected)
    if (filter !== undefined) expect(matches(filter, object)).toBe(expected)
  })

  it('is everything when the model no longer reads what the filter compares', () => {
    const properties = users.properties.filter(({ name }) => name !== 'department')
    expect(inScopeOf({ ...users, properties }, sales)({})).toBe(true)
  })
})

describe('a condition as people write it', () => {
  it.each([
    ['department=Sales', { op: 'eq', property: 'department', value: 'Sales' }],
    ['department!=a=b', { op: 'ne', property: 'department', value: 'a=b' }],
    ['mail^=x', { op: 'startsWith', property: 'mail', value: 'x' }],
    ['mail*=', { op: 'contains', property: 'mail', value: '' }],
    ['a<=1', { op: 'le', property: 'a', value: '1' }],
    ['a>1', { op: 'gt', property: 'a', value: '1' }],
    ['=x', undefined],
    ['a', undefined],
    ['a~b', undefined],
    ["a'=b", undefined],
  ])('%s', (text, expected) => {
    expect(parseCondition(text)).toEqual(expected)
  })
})
