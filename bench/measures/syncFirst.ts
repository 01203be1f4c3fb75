import { fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { limits } from '../../src/core/limits.ts'
import type { FetchOrder, FetchResult } from '../fetchAlone.ts'
import { usersQuery } from '../plainGraph.ts'
import { processorTimes } from '../processorTime.ts'
import type { Report } from '../report.ts'
import { type BenchWorld, openWorld, peakMegabytes, syncOnce, users } from '../world.ts'

const people = 100_000
const pageRows = 999
/** The service's own time: 135 ms and 0.331 ms a row, more the more calls are in flight. */
const latency = '135,0.331,16'
/** Twice as much: what is left of it where the processors have half as much to do meanwhile. */
const twice = '270,0.662,16'
const child = fileURLToPath(new URL('../fetchAlone.ts', import.meta.url))

/**
 * A first import of a large tenant against a client that reads one page after the other, and
 * against fetching the same shards without storing; for uneven names, and for two more ways of
 * being uneven that follow from the seed. Once more with a service that takes twice as long: there
 * the way of reading decides, and not how fast this machine's processors store what was read.
 */
export async function run(report: Report, { seed }: { seed: number }): Promise<void> {
  for (const names of [1, 2 * seed + 100, 2 * seed + 101]) {
    await measure(report, `names ${names}: `, names, latency)
  }
  const withoutGoals: Report = ({ goal: _, ...figure }) => report(figure)
  await measure(withoutGoals, 'names 1, twice the latency: ', 1, twice)
}

async function measure(
  report: Report,
  label: string,
  names: number,
  service: string,
): Promise<void> {
  const world = await openWorld(people, ['--names', `${names}`, '--latency', service])
  const { url, caFile, tenant } = world.emulator
  const place = { url, caFile, tenant }
  try {
    const { tenantId } = await world.attach('First')
    await world.control('DELETE', 'calls')
    const before = await processorTimes(world)
    const sync = await syncOnce(world, tenantId, { models: [users] })
    const used = (await processorTimes(world)).map((time, index) => time - (before[index] ?? 0))
    const { starts, requests } = await readRecord(world)
    const shards = await fetchAlone({ place, starts, width: limits.shardsInFlight })
    const list = `${url}/v1.0/users?${usersQuery}`
    const sequential = await fetchAlone({ place, starts: [list], width: 1 })
    const tell = (figure: string, value: number, unit: string, goal?: string) =>
      report({ figure: label + figure, value, unit, ...(goal && { goal }) })
    tell('users read in', sync.models[0]?.added ?? 0, 'users', `= ${people}`)
    tell('users in the shards', shards.objects, 'users', `= ${people}`)
    tell('one page after the other', sequential.seconds, 's')
    tell('same shards without storing', shards.seconds, 's')
    tell('sync', sync.seconds, 's')
    const [server = 0, emulator = 0, database = 0] = used
    tell('processor time of the server', server, 's')
    tell('processor time of the emulator', emulator, 's')
    tell('processor time of PostgreSQL', database, 's')
    const least = (server + emulator + database) / availableParallelism()
    tell('sync, were all processors busy all the time', least, 's')
    tell('times faster it would be then', sequential.seconds / least, 'x')
    tell('times faster than one after the other', sequential.seconds / sync.seconds, 'x', '>= 6')
    tell('sync to the same shards', sync.seconds / shards.seconds, 'ratio', '<= 1.3')
    const most = Math.ceil(people / pageRows) + starts.length + 5
    tell('shards', starts.length, 'shards')
    tell('requests', requests, 'requests', `<= ${most}`)
    tell('peak memory of the server', await peakMegabytes(world.server.child), 'MB', '<= 300')
  } finally {
    await world.close()
  }
}

/** What the sync asked: the first page of each shard, and how many requests there were. */
async function readRecord(world: BenchWorld) {
  const calls = await world.control<{ path: string; batched: boolean }[]>(
    'GET',
    'calls?service=graph',
  )
  const sent = calls.filter(({ batched }) => !batched).map(({ path }) => path)
  const starts = sent.filter((path) => /\/users\?.*filter=/.test(path) && !/skiptoken/.test(path))
  return {
    starts: starts.map((path) => world.emulator.url + path),
    requests: sent.length,
  }
}

async function fetchAlone(order: FetchOrder): Promise<FetchResult> {
  const process = fork(child, [], { stdio: 'inherit' })
  process.send(order)
  const [result] = await once(process, 'message')
  await once(process, 'exit')
  return result as FetchResult
}
