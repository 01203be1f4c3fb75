import { openDatabase } from '../../src/store/database.ts'
import { inScope } from '../../src/store/scope.ts'
import {
  type Case,
  cases,
  loadPeople,
  type Place,
  pageRows,
  people,
  peopleModel,
  selectCase,
  tenants,
  withCursor,
} from '../million.ts'
import { processorSeconds } from '../processorTime.ts'
import { median, percentile, type Report, timed } from '../report.ts'
import { type BenchWorld, openWorld } from '../world.ts'

const clients = 8
const rounds = 12

/** Pages of lists over a million people, filtered and sorted, under row-level security. */
export async function run(report: Report): Promise<void> {
  const world = await openWorld(1)
  const log = { info: () => {}, warn: () => {}, error: () => {} }
  const db = await openDatabase({ url: world.databaseUrl, name: 'patchbay bench', log })
  try {
    const model = await peopleModel()
    const began = performance.now()
    const loaded = await loadPeople(world, db, model)
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
        sql.push(
          await timed(() =>
            inScope(db, place.scope, (tx) => selectCase(tx, model, place.tenantId, one)),
          ),
        )
      }
      overhead.push(median(http) - median(sql))
      report({ figure: `${one.name}: HTTP`, value: median(http), unit: 'ms' })
      report({ figure: `${one.name}: SQL`, value: median(sql), unit: 'ms' })
    }
    const goal = '<= 15'
    report({ figure: 'HTTP without SQL, median', value: median(overhead), unit: 'ms', goal })

    // Once before, as in a server that has run for a minute: its code is compiled, and each
    // connection has its plans and has touched the memory it shares.
    await together(world, loaded, asked)
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
  const page = await client.resource.list({
    params,
    query: { ...given, ...filters, limit: pageRows },
  })
  if (page.items.length === 0) throw new Error(`nothing was found: ${JSON.stringify(query)}`)
}

/** Milliseconds of cores since their start: of the server, and of PostgreSQL's processes. */
async function processorTimes({ server, databasePid }: BenchWorld) {
  return {
    server: (await processorSeconds(server.child.pid)) * 1_000,
    database: (await processorSeconds(databasePid)) * 1_000,
  }
}
