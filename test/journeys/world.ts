import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { type Client, createClient } from '../../src/client/client.ts'
import { type Api, api } from '../../src/contract/api.ts'
import { limits } from '../../src/core/limits.ts'
import { Sealed } from '../../src/core/secret.ts'
import type { TenantAccess } from '../../src/emulator/options.ts'
import { startEmulatorProcess, stopProcess, writeSettings } from '../../src/main/children.ts'
import { launcher } from '../../src/main/version.ts'
import { endServer, startEmbedded } from '../../src/store/embedded.ts'
import { type Ended, run } from '../cli/command.ts'
import { giveCertificates } from '../emulator/certificates.ts'
import { control } from '../engine/control.ts'
import { systemClock } from '../store/testing.ts'
import {
  compareWrites,
  type Deeds,
  type Recorded,
  recordedWrites,
  requireOnRecord,
  type WritesOnRecord,
} from '../writesOnRecord.ts'

export const users = 'device/msgraph/MSOLUser'

/** One `patchbay serve`, as an administrator would start it. */
export interface Served {
  child: ChildProcess
  pid: number
  /** Empty for a worker, which has no API. */
  url: string
  /** Everything it has written so far. */
  log(): string
  /** Sends the signal; answers once the process is gone. */
  end(signal?: NodeJS.Signals): Promise<{ code: number | null; ms: number }>
}

export interface Answer {
  status: number
  // What the API answers; each test knows its shape.
  body: ReturnType<typeof JSON.parse>
}

export type World = Awaited<ReturnType<typeof openWorld>>

/** Bounds that differ from the product's, so that a test need not wait so long. */
export type Bounds = Partial<Record<keyof typeof limits, number>>

/**
 * A machine as a new user has it: an emulated Microsoft 365 and a data directory, each `serve` a
 * process of its own, and between them the PostgreSQL that Patchbay brings along.
 */
export async function openWorld(people: number, bounds: Bounds = {}) {
  const dataDir = await mkdtemp(join(tmpdir(), 'patchbay-journey-'))
  // PostgreSQL does not run as root, so whoever it runs as has to pass through.
  await chmod(dataDir, 0o711)
  const { emulator, tenant } = await startMicrosoft(dataDir, people)
  const microsoft = control(emulator, tenant.tenantId)
  const served: Served[] = []
  let url = ''
  const entrance = enter(join(dataDir, 'admin-token'), () => url)
  const database = openDatabase(dataDir)
  return {
    ...{ dataDir, emulator, tenant, microsoft, served },
    ...{ ...entrance, ...database, url: () => url },
    async serve(role = 'all', port = '0', cwd = process.cwd()): Promise<Served> {
      const args = ['--role', role, '--port', port, '--data', dataDir]
      const one = await startServe(args, { bounds, cwd })
      served.push(one)
      if (role !== 'worker') url = one.url
      return one
    },
    /** Attaches the emulated tenant to a customer of its own; answers its number. */
    async attach(name: string, graph: object = {}): Promise<number> {
      const client = await entrance.client()
      const { id: nodeId } = await client.node.create({
        body: { parentId: 1, kind: 'customer', name },
      })
      const { tenantId, clientId, clientSecret } = tenant
      const fields = { cloud: 'emulator', tenantId, clientId, clientSecret, ...graph }
      return (await client.tenant.create({ body: { nodeId, name, graph: fields } })).id
    },
    /** The `serve` processes that have not ended. */
    living: () =>
      served.filter(({ child }) => child.exitCode === null && child.signalCode === null),
    /** The process that works on a row now: the name of a worker holds its number. */
    async workerOf(kind: 'sync' | 'transaction', id: number): Promise<Served> {
      const pid = await database.workingPid(kind, id)
      const found = served.find((one) => one.pid === pid)
      if (found === undefined) throw new Error(`nobody works on ${kind} ${id}`)
      return found
    },
    /** What Microsoft was sent to write beside what the audit has of it, by request id. */
    async writesOnRecord(): Promise<WritesOnRecord> {
      return compareWrites(
        await microsoft.writesSent(),
        await database.query<Recorded>(recordedWrites),
      )
    },
    async close(deeds: Deeds = {}) {
      let found: WritesOnRecord
      try {
        found = await this.writesOnRecord()
      } finally {
        // Also where the database is gone, or its servers would look for it for ever.
        await microsoft.close()
        for (const one of served) one.child.kill('SIGCONT')
        await Promise.all([emulator.close(), ...served.map((one) => one.end())])
        await endPostgres(dataDir)
        await rm(dataDir, { recursive: true, force: true })
      }
      requireOnRecord(found, deeds)
    },
  }
}

async function startMicrosoft(dataDir: string, people: number) {
  await giveCertificates(join(dataDir, 'emulator'))
  const started = await startEmulatorProcess(dataDir, ['--users', `${people}`, '--seed', '7'])
  await writeSettings(dataDir, started)
  const caPem = await readFile(started.caFile, 'utf8')
  const tenant: TenantAccess = { displayName: '', cloud: 'global', ...started.tenant }
  const emulator = {
    ...{ url: started.url, caFile: started.caFile, caPem, tenants: [tenant] },
    close: () => stopProcess(started.child),
  }
  return { emulator, tenant }
}

/** The ways in: raw requests, the typed client, the command line. */
function enter(tokenFile: string, url: () => string) {
  const token = async () => (await readFile(tokenFile, 'utf8')).trim()
  return {
    tokenFile,
    token,
    /** A request as curl would send it, to the API that was started last. */
    async ask(method: string, path: string, body?: unknown, headers = {}): Promise<Answer> {
      const answer = await fetch(`${url()}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${await token()}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      const text = await answer.text()
      return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) }
    },
    async client(): Promise<Client<Api>> {
      const sealed = new Sealed(await token())
      return createClient(api, { baseUrl: url(), token: sealed, fetch, clock: systemClock })
    },
    /** The command line as a process of its own; its output is a pipe, not a screen. */
    patchbay(args: readonly string[], input?: string): Promise<Ended> {
      const env = { PATCHBAY_SERVER: url(), PATCHBAY_TOKEN_FILE: tokenFile }
      return run(args, { env, ...(input !== undefined && { input }) })
    },
  }
}

/** The database behind our back, as its own superuser, who sees every row of every table. */
function openDatabase(dataDir: string) {
  async function connect(): Promise<pg.Client> {
    const { url } = await startEmbedded(join(dataDir, 'postgres'), systemClock)
    const options = '-c search_path=patchbay,public'
    const client = new pg.Client({ connectionString: url.reveal(), options })
    await client.connect()
    return client
  }
  async function query<T extends object>(text: string, values: unknown[] = []): Promise<T[]> {
    const client = await connect()
    try {
      return (await client.query(text, values)).rows
    } finally {
      await client.end()
    }
  }
  async function workingPid(kind: 'sync' | 'transaction', id: number): Promise<number> {
    const [job] = await query<{ worker: string }>(
      `select executor_id as worker from dbos.workflow_status
        where status = 'PENDING' and workflow_uuid like $1`,
      [`${kind}:${id}:%`],
    )
    return Number(job?.worker.split(':')[1])
  }
  return { connect, query, workingPid }
}

async function startServe(
  args: readonly string[],
  { bounds, cwd }: { bounds: Bounds; cwd: string },
): Promise<Served> {
  const { DATABASE_URL: _, ...env } = process.env
  if (Object.keys(bounds).length > 0) {
    env.PATCHBAY_TEST_BOUNDS = JSON.stringify(bounds)
    env.NODE_OPTIONS = `--import ${new URL('bounds.ts', import.meta.url).href}`
  }
  const child = spawn(process.execPath, [launcher, 'serve', ...args], {
    ...{ env, cwd, stdio: ['ignore', 'pipe', 'pipe'] },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk
    })
  }
  const gone = once(child, 'exit')
  const end = async (signal: NodeJS.Signals = 'SIGTERM') => {
    const began = performance.now()
    child.kill(signal)
    await gone
    return { code: child.exitCode, ms: performance.now() - began }
  }
  const ready = await until('patchbay serve is ready', limits.startMs, async () => {
    if (child.exitCode !== null) throw new Error(`patchbay serve ended:\n${text}`)
    return logLines(text).find(({ msg }) => msg === 'patchbay is ready')
  }).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw error
  })
  const { url = '' } = ready
  return { child, pid: child.pid ?? 0, url, log: () => text, end }
}

interface LogLine {
  msg?: string
  url?: string
  /** Of a call to Microsoft. */
  operation?: string
}

/** The whole lines of a log; whatever is not JSON fails, for a log is for machines. */
export function logLines(text: string): LogLine[] {
  const lines = text.split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line))
}

/** Asks again and again until there is an answer. */
export async function until<T>(
  what: string,
  ms: number,
  look: () => Promise<T | undefined | false>,
): Promise<T> {
  const deadline = performance.now() + ms
  while (performance.now() < deadline) {
    const found = await look()
    if (found) return found
    await wait(50)
  }
  throw new Error(`${what}: not within ${ms} ms`)
}

/** The process number of the PostgreSQL in a data directory, if it runs or was killed. */
export async function postgresPid(dataDir: string): Promise<number | undefined> {
  const file = join(dataDir, 'postgres', 'instance', 'cluster', 'postmaster.pid')
  const text = await readFile(file, 'utf8').catch(() => '')
  const pid = Number(text.split('\n')[0])
  return pid > 0 ? pid : undefined
}

/** The last `serve` to leave ends it; where all were killed nobody did. */
async function endPostgres(dataDir: string): Promise<void> {
  const pid = await postgresPid(dataDir)
  if (pid !== undefined) await endServer(pid, systemClock)
}
