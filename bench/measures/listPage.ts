import { readdir, readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import type { JsonObject } from '../../src/core/json.ts'
import type { Model } from '../../src/core/model.ts'
import { makeTenant } from '../../src/emulator/data/tenant.ts'
import { colsOf, nameOf } from '../../src/engine/columns.ts'
import { loadModels } from '../../src/engine/models/load.ts'
import {
  type ListQuery,
  listCursor,
  readListQuery,
} from '../../src/features/resources/listQuery.ts'
import { placeOfModel, selectPage, selectRows } from '../../src/features/resources/queries.ts'
import { systemClock } from '../../src/main/clock.ts'
import { copyRow } from '../../src/store/copy.ts'
import { type Database, openDatabase } from '../../src/store/database.ts'
import { inScope } from '../../src/store/scope.ts'
import { median, type Report } from '../report.ts'
import { type BenchWorld, openWorld, users } from '../world.ts'

const tenants = 10
const people = 100_000
const clients = 8
const rounds = 4
const rows = 100

interface Case {
  name: string
  query: ListQuery
  /** Begins behind so many of the objects found. */
  skip?: number
}

const cases: readonly Case[] = [
  { name: 'by name', query: {} },
  { name: 'by name, in the middle', query: {}, skip: people / 2 },
  { name: 'by name, the last page', query: {}, skip: people - rows },
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

/** Pages of lists over a million people, filtered and sorted, under row-level security. */
export async function run(report: Report): Promise<void> {
  const world = await openWorld(1)
  const log = { info: () => {}, warn: () => {}, error: () => {} }
  const db = await openDatabase({ url: world.databaseUrl, name: 'patchbay bench', log })
  try {
    const model = (await loadModels('models')).find(({ id }) => id === users)
    if (model === undefined) throw new Error('users are no model')
    const began = performance.now()
    const loaded = await load(world, model)
    report({ figure: 'users', value: tenants * people, unit: 'users' })
    report({ figure: 'loaded', value: (performance.now() - began) / 1_000, unit: 's' })
    const asked = await Promise.all(cases.map((one) => withCursor(db, model, loaded, one)))

    for (const one of asked) for (const place of loaded.slice(0, 2)) await ask(world, place, one)
    const overhead: number[] = []
    for (const one of asked) {
      const http: number[] = []
      const sql: number[] = []
      for (const place of loaded) {
        http.push(await timed(() => ask(world, place, one)))
        sql.push(await timed(() => askSql(db, model, place, one)))
      }
      overhead.push(median(http) - median(sql))
      report({ figure: `${one.name}: HTTP`, value: median(http), unit: 'ms' })
      report({ figure: `${one.name}: SQL`, value: median(sql), unit: 'ms' })
    }
    const goal = '<= 15'
    report({ figure: 'HTTP without SQL, median', value: median(overhead), unit: 'ms', goal })

    const before = await processorTimes(world)
    const times = await together(world, loaded, asked)
    const after = await processorTimes(world)
    // What a busy machine does not change: all clients together take cores for so long per page.
    for (const part of ['server', 'database'] as const) {
      const value = (after[part] - before[part]) / times.length
      report({ figure: `${clients} clients: processor time a page, ${part}`, value, unit: 'ms' })
    }
    report({ figure: `${clients} clients: requests`, value: times.length, unit: 'requests' })
    report({ figure: `${clients} clients: median`, value: median(times), unit: 'ms' })
    const p95 = percentile(times, 0.95)
    report({ figure: `${clients} clients: p95`, value: p95, unit: 'ms', goal: '<= 100' })
    const sought = { name: 'search', query: { search: 'schneider' } }
    const [first] = loaded
    const search = first && (await timed(() => ask(world, first, sought)))
    report({ figure: 'a text sought, alone', value: search ?? Number.NaN, unit: 'ms' })
  } finally {
    await db.close()
    await world.close()
  }
}

interface Place {
  tenantId: number
  scope: string
}

/** All clients at once, each through all cases of all tenants, beginning elsewhere. */
async function together(
  world: BenchWorld,
  places: readonly Place[],
  asked: readonly Case[],
): Promise<number[]> {
  const times: number[] = []
  const client = async (number: number) => {
    for (let turn = 0; turn < rounds * asked.length; turn++) {
      const one = asked[(turn + number * 5) % asked.length]
      const place = places[(turn * 3 + number) % places.length]
      if (one && place) times.push(await timed(() => ask(world, place, one)))
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)))
  return times
}

async function ask({ client }: BenchWorld, { tenantId }: Place, { query }: Case): Promise<void> {
  const params = { tenantId, application: 'msgraph', name: 'MSOLUser' }
  const { filter, ...rest } = query
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  const filters = filter === undefined ? {} : { filter: [...filter] }
  const page = await client.resource.list({ params, query: { ...given, ...filters, limit: rows } })
  if (page.items.length === 0) throw new Error(`nothing was found: ${JSON.stringify(query)}`)
}

/** The same page by the same statements, without what stands around them. */
async function askSql(db: Database, model: Model, place: Place, { query }: Case) {
  return await inScope(db, place.scope, async (tx) => {
    const search = readListQuery(model, await placeOfModel(tx, model.id), place.tenantId, query)
    const found = await selectPage(tx, search, rows + 1, 10_001)
    return await selectRows(tx, place.tenantId, found.ids, search.sort.place, model.columns)
  })
}

/** The same people in every tenant, so that one place in a list serves for all. */
async function withCursor(
  db: Database,
  model: Model,
  [place]: readonly Place[],
  one: Case,
): Promise<Case> {
  if (one.skip === undefined || place === undefined) return one
  const { skip, query } = one
  const { last, count } = await inScope(db, place.scope, async (tx) => {
    const search = readListQuery(model, await placeOfModel(tx, model.id), place.tenantId, query)
    const { count } = await selectPage(tx, search, 1, 10_001)
    const { ids } = await selectPage(tx, search, skip, people)
    const last = await selectRows(tx, place.tenantId, ids.slice(-1), search.sort.place, [])
    return { last, count }
  })
  if (last[0] === undefined) throw new Error(`there are not ${skip} of ${one.name}`)
  return {
    ...one,
    query: { ...query, after: listCursor(query.sort, { ...last[0], id: 0 }, count) },
  }
}

/** Milliseconds of cores since their start: of the server, and of PostgreSQL's processes. */
async function processorTimes({ server, database }: BenchWorld) {
  const { rows: found } = await database.query<{ pid: number }>('select pg_backend_pid() as pid')
  const [, postmaster] = await statOf(`${found[0]?.pid}`)
  const all = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const stats = await Promise.all(all.map((pid) => statOf(pid).catch(() => [0, 0] as const)))
  const [own] = await statOf(`${server.child.pid}`)
  const ours = stats.filter(([, parent]) => parent === postmaster)
  return { server: own, database: ours.reduce((sum, [spent]) => sum + spent, 0) }
}

/** Time spent in milliseconds and the parent (proc(5): fields 14, 15 and 4, ticks of 10 ms). */
async function statOf(pid: string): Promise<readonly [number, number]> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  return [((fields[11] ?? 0) + (fields[12] ?? 0)) * 10, fields[1] ?? 0]
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

function percentile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN
}

/** Indexes are made once the rows are there: a quarter of the time. */
async function load({ client, database }: BenchWorld, model: Model): Promise<Place[]> {
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
    await copyTenant(database, model, place, number, objects)
  }
  for (const definition of again) await database.query(definition)
  await database.query('vacuum analyze patchbay.resource, patchbay.resource_data')
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

async function copyTenant(
  database: pg.Client,
  model: Model,
  { tenantId, scope }: Place,
  number: number,
  objects: readonly JsonObject[],
): Promise<void> {
  const model_id = `(select id from patchbay.model where name = '${model.id}')`
  const { rows: found } = await database.query(`select ${model_id} as id`)
  const modelId = Number(found[0]?.id)
  const first = 1 + number * people
  const keyOf = (object: JsonObject) => `${String(object.id).slice(0, -2)}${10 + number}`
  const copy = async (statement: string, lines: Iterable<string>) => {
    const stream = database.query(copyFrom(statement))
    await pipeline(Readable.from(inChunks(lines)), stream)
  }
  await copy(
    `copy patchbay.resource (tenant_id, model_id, id, node_path, key, name, cols, hash) from stdin`,
    mapped(objects, (object, index) =>
      copyRow([
        ...[tenantId, modelId, first + index, scope, keyOf(object), nameOf(model, object)],
        ...[colsOf(model, object), Buffer.alloc(16, index)],
      ]),
    ),
  )
  await copy(
    'copy patchbay.resource_data (tenant_id, id, node_path, data) from stdin',
    mapped(objects, (object, index) =>
      copyRow([
        ...[tenantId, first + index, scope],
        JSON.stringify({ ...object, id: keyOf(object) }),
      ]),
    ),
  )
}

function* mapped<T>(items: readonly T[], line: (item: T, index: number) => string) {
  for (const [index, item] of items.entries()) yield line(item, index)
}

/** A write per row costs more than the row. */
function* inChunks(lines: Iterable<string>): Generator<string> {
  let chunk = ''
  for (const line of lines) {
    chunk += line
    if (chunk.length < 64 * 1024) continue
    yield chunk
    chunk = ''
  }
  yield chunk
}
