import { createHash, randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import type { Clock } from '../../src/core/clock.ts'
import { Sealed } from '../../src/core/secret.ts'
import { type Database, openDatabase } from '../../src/store/database.ts'
import { startEmbedded } from '../../src/store/embedded.ts'
import type { Log } from '../../src/store/log.ts'
import { prepareDatabase } from '../../src/store/prepare.ts'
import { startDebian, stopDebian } from './debian.ts'

export const systemClock: Clock = {
  now: Date.now,
  sleep: async (ms, signal) => {
    await wait(ms, undefined, signal === undefined ? {} : { signal })
  },
}

export const quietLog: Log = { info: () => {}, warn: () => {}, error: () => {} }

export interface FreshDatabase {
  /** Of the server's superuser: what an administrator gives as DATABASE_URL. */
  url: Sealed
  db: Database
  close(): Promise<void>
}

/**
 * An empty, migrated database for one test file, on a server that all files and runs share: copied
 * from a template made once per state of the migrations (0.1 s instead of 0.5 s). The server keeps
 * running; `make clean` ends it. PATCHBAY_TEST_POSTGRES chooses it: `embedded` (default),
 * `debian` (PostgreSQL 15 of /usr/lib/postgresql) or the URL of a superuser.
 */
export async function freshDatabase(): Promise<FreshDatabase> {
  const server = await testServerUrl()
  const name = `patchbay_test_${process.pid}_${randomUUID().slice(0, 8)}`
  await withAdmin(server, async (admin) => {
    const template = await makeTemplate(admin, server)
    await dropAbandoned(admin)
    // Copying the files costs a third of writing every page of them to the log.
    await admin.query(`create database ${name} template ${template} strategy file_copy`)
  })
  const url = onDatabase(server, name)
  const db = await openDatabase({ url, name: 'patchbay test', log: quietLog })
  const close = async () => {
    await db.close()
    await withAdmin(server, (admin) => admin.query(`drop database ${name} with (force)`))
  }
  return { url, db, close }
}

/** The address of the server's maintenance database, which is started when it does not run. */
async function testServerUrl(): Promise<Sealed> {
  const choice = process.env.PATCHBAY_TEST_POSTGRES ?? 'embedded'
  if (choice === 'debian') return sharedDebian()
  if (choice !== 'embedded') return new Sealed(choice)
  const { url } = await startEmbedded(sharedDir('embedded'), systemClock, hasty)
  return onDatabase(url, 'postgres')
}

/**
 * Of the servers all tests share, which nobody kills: waiting for the disk was half of the time of
 * a run. What has to outlast a power cut or a kill is tried on a server of its own.
 */
const hasty = { fsync: 'off', full_page_writes: 'off' }

/** PostgreSQL 15 as all tests share it. */
export function sharedDebian(): Promise<Sealed> {
  return startDebian(sharedDir('debian-15'), hasty)
}

/** Ends the servers that tests left running, and removes their files. */
export async function stopTestServers(): Promise<void> {
  if (existsSync(join(sharedDir('embedded'), 'instance', 'cluster', 'postmaster.pid'))) {
    const server = await startEmbedded(sharedDir('embedded'), systemClock)
    await server.stop()
  }
  await stopDebian(sharedDir('debian-15'))
  for (const kind of ['embedded', 'debian-15']) {
    await rm(sharedDir(kind), { recursive: true, force: true })
  }
}

/** One per user: the files of one cannot be used by another. */
function sharedDir(kind: string): string {
  return join(tmpdir(), `patchbay-test-${kind}-${process.getuid?.() ?? 0}`)
}

async function withAdmin<T>(server: Sealed, work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: server.reveal() })
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.end()
  }
}

function onDatabase(server: Sealed, name: string): Sealed {
  const url = new URL(server.reveal())
  url.pathname = `/${name}`
  return new Sealed(url.href)
}

/** Nobody may be connected to a template while it is copied, so it is made under another name. */
async function makeTemplate(admin: pg.Client, server: Sealed): Promise<string> {
  const name = `patchbay_template_${hashOfMigrations()}`
  await admin.query(`select pg_advisory_lock(hashtext('patchbay test template'))`)
  const { rowCount } = await admin.query('select from pg_database where datname = $1', [name])
  if (rowCount === 0) {
    const making = `${name}_making`
    await admin.query(`drop database if exists ${making} with (force)`)
    await admin.query(`create database ${making}`)
    await prepareDatabase(onDatabase(server, making))
    await admin.query(`alter database ${making} rename to ${name}`)
  }
  await admin.query(`select pg_advisory_unlock(hashtext('patchbay test template'))`)
  return name
}

function hashOfMigrations(): string {
  const hash = createHash('sha256')
  const folder = new URL('../../src/store/', import.meta.url)
  const names = readdirSync(new URL('migrations/', folder)).sort()
  for (const name of names)
    hash.update(name).update(readFileSync(new URL(`migrations/${name}`, folder)))
  for (const name of ['prepare.ts', 'jobs/schema.ts'])
    hash.update(readFileSync(new URL(name, folder)))
  return hash.digest('hex').slice(0, 12)
}

/** Databases of runs that were killed: their name holds the process that made them. */
async function dropAbandoned(admin: pg.Client): Promise<void> {
  const { rows } = await admin.query<{ datname: string }>(
    `select datname from pg_database where datname like 'patchbay\\_test\\_%'`,
  )
  for (const { datname } of rows) {
    if (isAlive(Number(datname.split('_')[2]))) continue
    await admin.query(`drop database if exists ${datname} with (force)`).catch(() => {})
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
