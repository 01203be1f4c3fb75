import type pg from 'pg'
import type { JsonObject } from '../src/core/json.ts'
import type { Model } from '../src/core/model.ts'
import { makeTenant } from '../src/emulator/data/tenant.ts'
import { loadModels } from '../src/engine/models/load.ts'
import { createRowBlock, toRow } from '../src/engine/row.ts'
import { insertRows } from '../src/engine/sync/queries.ts'
import { modelNumber } from '../src/engine/transaction/queries.ts'
import { type ListQuery, listCursor, readListQuery } from '../src/features/resources/listQuery.ts'
import { placeOfModel, selectPage, selectRows } from '../src/features/resources/queries.ts'
import { systemClock } from '../src/main/clock.ts'
import type { Database } from '../src/store/database.ts'
import { inScope, type Tx } from '../src/store/scope.ts'
import { type BenchWorld, users } from './world.ts'

/** A million people of ten customers, and the pages of them that are asked for. */
export const tenants = 10
export const people = 100_000
export const pageRows = 100
const rowsAtOnce = 1_000

export interface Case {
  name: string
  query: ListQuery
  /** Begins behind so many of the objects found. */
  skip?: number
}

export const cases: readonly Case[] = [
  { name: 'by name', query: {} },
  { name: 'by name, in the middle', query: {}, skip: people / 2 },
  { name: 'by name, the last page', query: {}, skip: people - pageRows },
  { name: 'a department', query: { filter: ['department=Sales'] } },
  { name: 'a department, far down', query: { filter: ['department=Sales'] }, skip: 3_000 },
  { name: 'address begins with', query: { filter: ['userPrincipalName^=mar'] } },
  {
    name: 'name begins with, by department',
    query: { filter: ['displayName^=an'], sort: 'department' },
  },
  { name: 'by department, far down', query: { sort: 'department' }, skip: 40_000 },
  { name: 'by address, backwards', query: { sort: '-userPrincipalName' }, skip: 20_000 },
  { name: 'a city', query: { filter: ['city=Berlin'] } },
  { name: 'disabled in a country', query: { filter: ['country=Germany', 'accountEnabled=false'] } },
  {
    name: 'not in a department, by job, far down',
    query: { filter: ['department!=Sales'], sort: 'jobTitle' },
    skip: 30_000,
  },
]

export async function peopleModel(): Promise<Model> {
  const model = (await loadModels('models')).find(({ id }) => id === users)
  if (model === undefined) throw new Error('users are no model')
  return model
}

export interface Place {
  tenantId: number
  scope: string
}

/** A page by the statements of the list's route, without what stands around them. */
export async function selectCase(tx: Tx, model: Model, tenantId: number, { query }: Case) {
  const search = readListQuery(model, await placeOfModel(tx, model.id), tenantId, query)
  const found = await selectPage(tx, search, pageRows + 1)
  return await selectRows(tx, tenantId, found.ids, search.sort.place)
}

/** The same people in every tenant, so that one place in a list serves for all. */
export async function withCursor(
  db: Database,
  model: Model,
  [place]: readonly Place[],
  one: Case,
): Promise<Case> {
  if (one.skip === undefined || place === undefined) return one
  const { skip, query } = one
  const { last, count } = await inScope(db, place.scope, async (tx) => {
    const search = readListQuery(model, await placeOfModel(tx, model.id), place.tenantId, query)
    const { count } = await selectPage(tx, search, 1)
    const { ids } = await selectPage(tx, search, skip)
    const last = await selectRows(tx, place.tenantId, ids.slice(-1), search.sort.place)
    return { last, count }
  })
  if (last[0] === undefined) throw new Error(`there are not ${skip} of ${one.name}`)
  return {
    ...one,
    query: { ...query, after: listCursor(query.sort, { ...last[0], id: 0 }, count) },
  }
}

/** Indexes are made once the rows are there: a quarter of the time. */
export async function loadPeople(
  { client, database }: BenchWorld,
  db: Database,
  model: Model,
): Promise<Place[]> {
  const { users: made } = makeTenant({ users: people, seed: 5 }, systemClock)
  const names = model.properties.map(({ name }) => name)
  const objects = made.map(({ data }) =>
    Object.fromEntries(names.map((name) => [name, data[name] ?? null])),
  )
  const places: Place[] = []
  for (let number = 0; number < tenants; number++) {
    const name = `Customer ${number}`
    const node = await client.node.create({ body: { parentId: 1, kind: 'customer', name } })
    const { rows: added } = await database.query<{ id: string }>(
      `insert into patchbay.tenant (node_id, node_path, name, microsoft_tenant_id, cloud, settings)
       values ($1, $2, $3, gen_random_uuid(), 'emulator', '{}') returning id`,
      [node.id, node.path, name],
    )
    places.push({ tenantId: Number(added[0]?.id), scope: node.path })
  }
  const again = await dropIndexes(database)
  for (const [number, place] of places.entries()) {
    await loadTenant(db, model, place, number, objects)
  }
  for (const definition of again) await database.query(definition)
  await database.query('vacuum analyze patchbay.resource, patchbay.resource_data')
  // Or what loading left to write is written beside what is measured.
  await database.query('checkpoint')
  return places
}

async function dropIndexes(database: pg.Client): Promise<string[]> {
  const { rows: found } = await database.query<{ name: string; definition: string }>(
    `select indexname as name, indexdef as definition from pg_indexes
     where schemaname = 'patchbay' and tablename = 'resource' and indexname <> 'resource_pkey'`,
  )
  for (const { name } of found) await database.query(`drop index patchbay.${name}`)
  return found.map(({ definition }) => definition)
}

async function loadTenant(
  db: Database,
  model: Model,
  { tenantId, scope }: Place,
  number: number,
  objects: readonly JsonObject[],
): Promise<void> {
  const keyOf = (object: JsonObject) => `${String(object.id).slice(0, -2)}${10 + number}`
  for (let first = 0; first < objects.length; first += rowsAtOnce) {
    const block = createRowBlock(rowsAtOnce)
    const rows = objects.slice(first, first + rowsAtOnce).map((object) => {
      const row = toRow(model, { data: { ...object, id: keyOf(object) }, links: {} }, block)
      if ('reason' in row) throw new Error(row.reason)
      return row
    })
    await inScope(db, scope, async (tx) => {
      const modelId = await modelNumber(tx, model.id)
      await insertRows(tx, { tenantId, modelId, nodePath: scope }, rows)
    })
  }
}
