import type { ChildProcess } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { Agent, fetch } from 'undici'
import { type Client, createClient } from '../src/client/client.ts'
import { type Api, api } from '../src/contract/api.ts'
import { Sealed } from '../src/core/secret.ts'
import {
  type EmulatedTenant,
  type EmulatorProcess,
  type ServerProcess,
  startEmulatorProcess,
  startServerProcess,
  stopProcess,
  writeSettings,
} from '../src/main/children.ts'
import { systemClock } from '../src/main/clock.ts'
import { adminTokenFile } from '../src/main/dataDir.ts'
import { startEmbedded } from '../src/store/embedded.ts'

const stopSignals = ['SIGINT', 'SIGTERM'] as const

export const users = 'device/msgraph/MSOLUser'
export const groups = 'device/msgraph/Groups'

export interface BenchWorld {
  dataDir: string
  emulator: EmulatorProcess
  server: ServerProcess
  client: Client<Api>
  databaseUrl: Sealed
  /** Its first process, whose children serve the connections. */
  databasePid: number
  /** A connection of the database's owner, for what only statistics tell. */
  database: pg.Client
  control<T>(method: string, path: string, body?: object): Promise<T>
  /** Attaches an emulated tenant, unless named the first, to a customer of its own. */
  attach(name: string, tenant?: EmulatedTenant): Promise<{ tenantId: number; scope: string }>
  startWorker(): Promise<ServerProcess>
  close(): Promise<void>
}

/** Real processes: emulator, PostgreSQL, server, each as an administrator would start it. */
export async function openWorld(
  people: number,
  emulatorArgs: readonly string[] = [],
  serverArgs: readonly string[] = [],
): Promise<BenchWorld> {
  const dataDir = await mkdtemp(join(tmpdir(), 'patchbay-bench-'))
  // PostgreSQL does not run as root, so whoever it runs as has to pass through.
  await chmod(dataDir, 0o711)
  const postgres = await startEmbedded(join(dataDir, 'postgres'), systemClock)
  const databaseUrl = postgres.url
  const emulator = await startEmulatorProcess(dataDir, ['--users', `${people}`, ...emulatorArgs])
  await writeSettings(dataDir, emulator)
  const env = { ...process.env, DATABASE_URL: databaseUrl.reveal() }
  const server = await startServerProcess(dataDir, serverArgs, env)
  const children: ChildProcess[] = [emulator.child, server.child]
  const token = new Sealed((await readFile(adminTokenFile(dataDir), 'utf8')).trim())
  const baseUrl = server.url ?? ''
  const client = createClient(api, { baseUrl, token, fetch: globalThis.fetch, clock: systemClock })
  const database = new pg.Client({ connectionString: databaseUrl.reveal() })
  await database.connect()
  const dispatcher = new Agent({ connect: { ca: await readFile(emulator.caFile, 'utf8') } })
  const close = async () => {
    for (const name of stopSignals) process.off(name, stop)
    await database.end()
    await dispatcher.close()
    await Promise.all(children.map(stopProcess))
    await postgres.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
  // Left behind, they would take their share of whatever is measured next.
  const stop = () => void close().finally(() => process.exit(130))
  for (const name of stopSignals) process.once(name, stop)
  return {
    ...{ dataDir, emulator, server, client, databaseUrl, database },
    databasePid: postgres.pid,
    async control<T>(method: string, path: string, body?: object): Promise<T> {
      const answer = await fetch(`${emulator.url}/_control/${path}`, {
        ...{ method, dispatcher },
        ...(body && {
          body: JSON.stringify(body),
          headers: { 'content-type': 'application/json' },
        }),
      })
      // The control API is ours; its answers are what the caller names.
      return (await answer.json()) as T
    },
    attach: (name, tenant = emulator.tenant) => attach(client, tenant, name),
    async startWorker() {
      const worker = await startServerProcess(dataDir, ['--role', 'worker'], env)
      children.push(worker.child)
      return worker
    },
    close,
  }
}

async function attach(client: Client<Api>, tenant: EmulatedTenant, name: string) {
  const body = { parentId: 1, kind: 'customer' as const, name }
  const node = await client.node.create({ body })
  const { id } = await client.tenant.create({
    body: {
      ...{ nodeId: node.id, name },
      graph: {
        ...{ cloud: 'emulator', tenantId: tenant.tenantId, clientId: tenant.clientId },
        clientSecret: tenant.clientSecret,
      },
    },
  })
  return { tenantId: id, scope: node.path }
}

/** Starts a sync and waits for its end. Seconds are the worker's own, from its start to its end. */
export async function syncOnce(
  { client }: Pick<BenchWorld, 'client'>,
  tenantId: number,
  body: { models?: string[]; fullList?: boolean },
) {
  const { id } = await client.sync.start({ params: { tenantId }, body })
  for (;;) {
    const sync = await client.sync.show({ params: { syncId: id } })
    if (sync.endedAt !== null && sync.startedAt !== null) {
      const seconds = (Date.parse(sync.endedAt) - Date.parse(sync.startedAt)) / 1_000
      return { ...sync, seconds }
    }
    // Seldom: each look costs the server some milliseconds of what is being measured.
    await systemClock.sleep(500)
  }
}

/** The most memory a process has had resident since it began, in MB. */
export async function peakMegabytes(child: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1_000
}
