import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { open, readFile, realpath, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import type { Clock } from '../core/clock.ts'
import { AppError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import { Sealed } from '../core/secret.ts'
import {
  type Account,
  type EmbeddedFiles,
  installRuntime,
  makeCluster,
  makeDataDir,
  serverAccount,
} from './embeddedFiles.ts'

/** A PostgreSQL of our own, on loopback. `url` is its superuser's, with the password. */
export interface EmbeddedServer {
  url: Sealed
  pid: number
  /** It ran already: another process of ours started it, or one that was killed. */
  adopted: boolean
  /** Ends the server, unless other processes are connected to it: the last one out ends it. */
  stop(): Promise<void>
}

const databaseName = 'patchbay'

/**
 * A sixteenth of the machine's memory, since others run on it too. A page of a list, with a million
 * people in all, takes the database 17 ms of a core with 1 GB, and 22 ms with 128 MB.
 */
function sharedBuffersMB(): number {
  const sixteenth = Math.round(totalmem() / 16 / 2 ** 20)
  return Math.min(Math.max(sixteenth, 128), 1_024)
}

type Settings = Readonly<Record<string, string>>

const settings: Settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: `${sharedBuffersMB()}MB`,
  // As much as PostgreSQL ever takes by itself: 4 MB were full 6,000 times in an import of 100,000.
  wal_buffers: '16MB',
  max_wal_size: '2GB',
  wal_compression: 'on',
  // Nobody follows this server's log, and backups do not read it: a tenth of an import less work.
  wal_level: 'minimal',
  max_wal_senders: '0',
  fsync: 'on',
  synchronous_commit: 'on',
  // Compiling a query costs more than our short queries take.
  jit: 'off',
  random_page_cost: '1.1',
  max_connections: '200',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Neither statements nor details reach the log: both may hold values of rows.
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
  log_checkpoints: 'off',
}

/**
 * Starts the embedded PostgreSQL of `dataDir` (making it on the first start), or adopts the one
 * that runs there. There is no lock file of ours, which a kill would leave behind: making is a
 * rename that one starter wins, running is guarded by PostgreSQL's own postmaster.pid, and whoever
 * loses finds the winner's server. Errors: `unavailable`, with what to do.
 *
 * @param other settings of a server that is started, in the place of ours
 */
export async function startEmbedded(
  dataDir: string,
  clock: Clock,
  other: Settings = {},
): Promise<EmbeddedServer> {
  const account = await serverAccount()
  await makeDataDir(dataDir, account)
  const runtime = await installRuntime(dataDir)
  const files = await makeCluster(dataDir, runtime, account, async (file, args) => {
    await promisify(execFile)(file, args, { ...account, cwd: '/', env: { LC_ALL: 'C' } })
  })
  const password = new Sealed(await readFile(files.passwordFile, 'utf8'))
  const start = (port: number) => spawnServer(files, account, { ...settings, ...other, port })
  const deadline = clock.now() + limits.embeddedStartMs
  let ours: Running | undefined
  while (clock.now() < deadline) {
    let running = await findRunning(files, password)
    if (running === undefined) {
      ours = await startServer(files, start, password, deadline, clock)
      running = ours
    }
    if (running !== undefined && (await hasDatabase(running, password))) {
      return served(running, running.pid !== ours?.pid, password, clock)
    }
    await clock.sleep(limits.embeddedPollMs)
  }
  throw new AppError(
    'unavailable',
    `The embedded PostgreSQL in ${dataDir} did not start within ${limits.embeddedStartMs / 1000} seconds. Its data is untouched; the reason stands in ${files.logFile}.`,
  )
}

interface Running {
  pid: number
  port: number
}

function urlOf(port: number, password: Sealed, database: string): string {
  return `postgres://postgres:${password.reveal()}@127.0.0.1:${port}/${database}`
}

/** Runs `work` on a connection of the superuser; undefined when there is no such server (yet). */
async function withClient<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T | undefined> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: limits.embeddedProbeMs,
    query_timeout: limits.embeddedProbeMs,
  })
  // A server that ends while the connection is idle must not end us.
  client.on('error', () => {})
  try {
    await client.connect()
    return await work(client)
  } catch {
    return undefined
  } finally {
    await client.end().catch(() => {})
  }
}

/** The server that postmaster.pid names, if it answers and serves just this directory. */
async function findRunning(files: EmbeddedFiles, password: Sealed): Promise<Running | undefined> {
  const text = await readFile(join(files.cluster, 'postmaster.pid'), 'utf8').catch(() => '')
  const [pid, , , port] = text.split('\n')
  if (!(Number(pid) > 0) || !(Number(port) > 0)) return undefined
  const url = urlOf(Number(port), password, 'postgres')
  const directory = await withClient(url, async (client) => {
    const { rows } = await client.query<{ data_directory: string }>('show data_directory')
    return rows[0]?.data_directory
  })
  const same =
    directory !== undefined && (await realpath(directory)) === (await realpath(files.cluster))
  return same ? { pid: Number(pid), port: Number(port) } : undefined
}

/** Our own one once it answers; undefined when it ended, as it does beside another starter's. */
async function startServer(
  files: EmbeddedFiles,
  start: (port: number) => Promise<ChildProcess>,
  password: Sealed,
  deadline: number,
  clock: Clock,
): Promise<Running | undefined> {
  // The same port as last time, if it is free: pools of other processes find it again.
  const last = Number(await readFile(files.portFile, 'utf8').catch(() => '0'))
  const port = await freePort(last).catch(() => freePort(0))
  const child = await start(port)
  while (child.exitCode === null && child.signalCode === null && clock.now() < deadline) {
    const running = await findRunning(files, password)
    // Another starter's may answer while ours has not yet seen that it came second.
    if (running !== undefined && running.pid === child.pid) {
      await writeFile(files.portFile, String(running.port))
      return running
    }
    await clock.sleep(limits.embeddedPollMs)
  }
  return undefined
}

async function spawnServer(
  files: EmbeddedFiles,
  account: Account | undefined,
  given: Readonly<Record<string, string | number>>,
): Promise<ChildProcess> {
  const output = await open(files.logFile, 'a')
  try {
    if ((await output.stat()).size > limits.embeddedLogBytes) await truncate(files.logFile)
    const options = Object.entries(given).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    // Detached: Ctrl-C in a terminal goes to the whole group, and PostgreSQL would cut off the
    // connections we are still closing. A file for its output: a pipe would break with us.
    const child = spawn(join(files.bin, 'postgres'), ['-D', files.cluster, ...options], {
      ...account,
      cwd: files.cluster,
      env: { LC_ALL: 'C' },
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
    })
    child.on('error', () => {})
    child.unref()
    return child
  } finally {
    await output.close()
  }
}

/** `wanted` itself when it is free, or any for 0. */
function freePort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.on('error', reject)
    probe.listen(wanted, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}

/**
 * Whether our database is there by now. Of several starters one makes it; the others are told that
 * it exists, as is one whose machine was too slow to answer, and they find it on their next look.
 */
async function hasDatabase({ port }: Running, password: Sealed): Promise<boolean> {
  const there = await withClient(urlOf(port, password, 'postgres'), async (client) => {
    const sql = 'select from pg_database where datname = $1'
    const { rowCount } = await client.query(sql, [databaseName])
    if (rowCount === 0) await client.query(`create database ${databaseName}`)
    return true
  })
  return there === true
}

function served(
  running: Running,
  adopted: boolean,
  password: Sealed,
  clock: Clock,
): EmbeddedServer {
  return {
    url: new Sealed(urlOf(running.port, password, databaseName)),
    pid: running.pid,
    adopted,
    stop: async () => {
      const maintenance = urlOf(running.port, password, 'postgres')
      // A connection that was closed a moment ago still counts for a while.
      for (let looks = 0; looks < 10; looks++) {
        if (looks > 0) await clock.sleep(100)
        const others = await withClient(maintenance, countOtherClients)
        if (others === 0) return await endServer(running.pid, clock)
      }
    },
  }
}

async function countOtherClients(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `select count(*)::int from pg_stat_activity
      where backend_type = 'client backend' and pid <> pg_backend_pid()`,
  )
  return rows[0]?.count ?? 0
}

/**
 * Asks to end when everybody has left (SIGTERM), and after a while cuts the rest off (SIGINT). At
 * once SIGINT makes pools that are closing fail with 57P01.
 */
export async function endServer(pid: number, clock: Clock): Promise<void> {
  const start = clock.now()
  let interrupted = false
  signal(pid, 'SIGTERM')
  while (signal(pid, 0) && clock.now() - start < limits.embeddedStopMs) {
    if (!interrupted && clock.now() - start > limits.embeddedLeaveMs) {
      interrupted = signal(pid, 'SIGINT')
    }
    await clock.sleep(limits.embeddedPollMs)
  }
}

export function isRunning({ pid }: EmbeddedServer): boolean {
  return signal(pid, 0)
}

/** Whether the process was there to be told. */
function signal(pid: number, name: 'SIGTERM' | 'SIGINT' | 0): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}
