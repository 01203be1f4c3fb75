import { readdirSync, readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Value } from 'typebox/value'
import { api } from '../../src/contract/api.ts'
import type { Route } from '../../src/contract/route.ts'
import { limits } from '../../src/core/limits.ts'
import type { World } from './world.ts'

/** Whatever others may come to read, by where it was found. */
export type Sinks = Map<string, string | Buffer>

/** What every process wrote, and the log of the database. */
export async function gatherLogs(world: World): Promise<Sinks> {
  const sinks: Sinks = new Map(world.served.map((one) => [`log of ${one.pid}`, one.log()]))
  const file = join(world.dataDir, 'postgres', 'server.log')
  return sinks.set('log of PostgreSQL', await readFile(file, 'utf8'))
}

/** Every route that reads, asked with the values for its path; lists with all rows they answer. */
export async function gatherAnswers(
  world: World,
  places: Readonly<Record<string, string>>,
): Promise<Sinks> {
  const sinks: Sinks = new Map()
  const headers = { authorization: `Bearer ${await world.token()}` }
  const routes: Route[] = Object.values(api).flatMap((noun) => Object.values(noun))
  for (const { method, path, permission, produces, name, query } of routes) {
    if (method !== 'GET' || produces === 'text/event-stream') continue
    const filled = path.replace(/\{(\w+)\}/g, (_, place) => encodeURIComponent(places[place] ?? ''))
    const rows = takesLimit(query) ? `?limit=${limits.listRowsMax}` : ''
    const answer = await fetch(`${world.url()}${filled}${rows}`, { headers })
    const text = await answer.text()
    // Of pages for browsers a refusal is what there is to see without one.
    if (!answer.ok && permission !== 'open') throw new Error(`${name}: ${answer.status} ${text}`)
    sinks.set(`answer of ${name}`, JSON.stringify([...answer.headers]) + text)
  }
  return sinks
}

function takesLimit(query: Route['query']): boolean {
  return query !== undefined && Value.Check(query, { limit: 1 })
}

/** All events from the first on; the stream does not end, so it is left when it falls silent. */
export async function gatherEvents(world: World): Promise<Sinks> {
  const headers = { authorization: `Bearer ${await world.token()}`, 'last-event-id': '0-0' }
  const answer = await fetch(`${world.url()}/v1/events`, { headers })
  const reader = answer.body?.getReader()
  let text = ''
  for (;;) {
    const read = await Promise.race([reader?.read(), wait(1_000)])
    if (read === undefined || read.done) break
    text += new TextDecoder().decode(read.value)
  }
  await reader?.cancel()
  return new Map([['events', text]])
}

/** Every row of every table of every schema, as JSON; bytes show as hex. */
export async function gatherTables(world: World): Promise<Sinks> {
  const tables = await world.query<{ name: string }>(
    `select quote_ident(table_schema) || '.' || quote_ident(table_name) as name
      from information_schema.tables
      where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
  )
  const sinks: Sinks = new Map()
  for (const { name } of tables) {
    const rows = await world.query<{ text: string }>(
      `select row_to_json(whole_row)::text as text from ${name} whole_row`,
    )
    sinks.set(`table ${name}`, rows.map(({ text }) => text).join('\n'))
  }
  return sinks
}

/** Files that are there to hold a secret, of the owner alone; and those of the other side. */
const keepers = /^(admin-token|master-key|postgres\/instance\/password|emulator\/.*)$/
const programs = /^postgres\/runtime-/

/** The bytes of every other file of the data directory, the database's own among them. */
export async function gatherFiles({ dataDir }: World): Promise<Sinks> {
  return await gatherFolder(dataDir, (name) => keepers.test(name) || programs.test(name))
}

/** The bytes of every file of a folder. */
export async function gatherFolder(
  folder: string,
  isLeftOut: (name: string) => boolean = () => false,
): Promise<Sinks> {
  const sinks: Sinks = new Map()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const name = relative(folder, path)
    if (!entry.isFile() || isLeftOut(name)) continue
    // Files of a running database come and go.
    const bytes = await readFile(path).catch(() => undefined)
    if (bytes !== undefined) sinks.set(`file ${name}`, bytes)
  }
  return sinks
}

/** A process that was none of ours at so many looks (a second) is never looked at again. */
const looksAtStrangers = 50

/** Watches arguments and environments of all processes below this one, and of the database. */
export function watchProcesses(world: World): { stop: () => Promise<Sinks> } {
  const seen = new Set<string>()
  const strangers = new Map<string, number>()
  let over = false
  const watching = (async () => {
    while (!over) {
      for (const text of lookAtProcesses(world, strangers)) seen.add(text)
      await wait(20)
    }
  })()
  return {
    stop: async () => {
      over = true
      await watching
      return new Map([['processes', [...seen].join('\n')]])
    },
  }
}

/** In one go: promises took a third of a processor, and so did files of hundreds of strangers. */
function lookAtProcesses({ dataDir }: World, strangers: Map<string, number>): string[] {
  const looks = (pid: string) => strangers.get(pid) ?? 0
  const pids = readdirSync('/proc').filter(
    (name) => /^\d+$/.test(name) && looks(name) < looksAtStrangers,
  )
  const parents = new Map(pids.map((pid) => [pid, parentOf(pid)]))
  const ours = new Set([`${process.pid}`])
  for (const pid of pids) if (readOf(pid, 'cmdline').includes(dataDir)) ours.add(pid)
  const isOurs = (pid: string): boolean => {
    const parent = parents.get(pid)
    return ours.has(pid) || (parent !== undefined && parent !== '0' && isOurs(parent))
  }
  const texts: string[] = []
  for (const pid of pids) {
    if (!isOurs(pid)) strangers.set(pid, looks(pid) + 1)
    else if (pid !== `${process.pid}`) texts.push(readOf(pid, 'cmdline'), readOf(pid, 'environ'))
  }
  return texts
}

/** The name in brackets may hold anything, so the fields are counted behind it. */
function parentOf(pid: string): string {
  return readOf(pid, 'stat').split(') ').at(-1)?.split(' ')[1] ?? ''
}

function readOf(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
