import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, closeSync, mkdirSync, mkdtempSync, openSync, rmdirSync } from 'node:fs'
import { open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launcher } from '../../src/main/version.ts'
import { startEmbedded } from '../../src/store/embedded.ts'
import { serverAccount } from '../../src/store/embeddedFiles.ts'
import { figure } from '../figures/figure.ts'
import { differences } from '../journeys/truth.ts'
import { ended, firstPeople, slowDown, startMove, startSync } from '../journeys/work.ts'
import { logLines, openWorld, until, type World } from '../journeys/world.ts'
import { systemClock } from '../store/testing.ts'

/** A disk of its own needs a mount, which root may do, and not in every container. */
function mayMount(): boolean {
  const dir = mkdtempSync(join(tmpdir(), 'patchbay-mount-'))
  try {
    mount(dir)
    unmount(dir)
    return true
  } catch {
    console.info('A full disk was not tried: this machine allows no mount.')
    return false
  } finally {
    rmdirSync(dir)
  }
}

function mount(dir: string, megabytes = 1): void {
  const options = ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'tmpfs', dir]
  execFileSync('mount', options, { stdio: 'ignore' })
}

function unmount(dir: string): void {
  execFileSync('umount', ['-l', dir], { stdio: 'ignore' })
}

/** The row of the audit may be the first that finds no space. */
const refusals = ['unavailable', 'audit-refused']
const people = 100
const mounts = mayMount()
let world: World
/** What lies on a disk of its own, in megabytes. PostgreSQL with its program and log takes 250. */
const disks = { tables: 32, postgres: 300, log: 32 }
/** Of the database's tables. */
let tableDisk: string
/** Of all of PostgreSQL. */
let disk: string
/** Of a log. */
let logDisk: string
let tenantId: number
const started: ChildProcess[] = []

beforeAll(async () => {
  if (!mounts) return
  // What was under way when the disk was full is looked for at Microsoft for as long as this.
  world = await openWorld(people, { settleMs: 2_000 })
  const inData = (name: string) => join(world.dataDir, name)
  ;[tableDisk, disk, logDisk] = [inData('tables'), inData('postgres'), inData('log')]
  for (const [name, megabytes] of Object.entries(disks)) {
    mkdirSync(inData(name))
    mount(inData(name), megabytes)
  }
  await moveTables()
  await world.serve()
  tenantId = await world.attach('Contoso')
  await ended(world, 'sync', await startSync(world, tenantId), 60_000)
}, 120_000)
afterAll(async () => {
  if (!mounts) return
  // Left behind where a test fails, it would try for ever to reach a database that is gone.
  for (const child of started) child.kill('SIGKILL')
  // What the world finds unrecorded fails here, behind the clearing up.
  const closed = await world.close().then(
    () => undefined,
    (error: Error) => (/not on record/.test(error.message) ? error : undefined),
  )
  for (const dir of [tableDisk, disk, logDisk]) unmount(dir)
  await rm(world.dataDir, { recursive: true, force: true })
  if (closed !== undefined) throw closed
})

/** Puts every table of our database, there as yet none, on the disk that is for them. */
async function moveTables(): Promise<void> {
  const account = await serverAccount()
  if (account !== undefined) chownSync(tableDisk, account.uid, account.gid)
  const { url } = await startEmbedded(disk, systemClock)
  const address = new URL(url.reveal())
  const database = address.pathname.slice(1)
  address.pathname = '/postgres'
  const admin = new pg.Client({ connectionString: address.href })
  await admin.connect()
  await admin.query(`create tablespace small location '${tableDisk}'`)
  await admin.query(`alter database ${database} set tablespace small`)
  await admin.end()
}

async function fill(dir: string): Promise<string> {
  const path = join(dir, 'filler')
  const file = await open(path, 'w')
  const block = Buffer.alloc(64 * 1024)
  try {
    for (;;) await file.write(block)
  } catch {
    return path
  } finally {
    await file.close()
  }
}

/**
 * Uses up the space that the database has set aside for itself on that disk: within the files of
 * its tables, or of its log. Not on the other disk, which nobody would free.
 */
async function fillDatabase(statement: string): Promise<void> {
  await world.query('create table if not exists public.filler (text text)').catch(() => {})
  for (let full = false; !full; ) {
    full = await world.query(statement).then(
      () => false,
      () => true,
    )
  }
}

const created = async () => {
  const body = { parentId: 1, kind: 'customer', name: `Customer ${performance.now()}` }
  return world.ask('POST', '/v1/nodes', body)
}

const applied = async () =>
  (await world.microsoft.calls('&writes=true')).filter((call) => call.applied)

/** How many calls have been sent once no more are: what was on record by then has arrived. */
async function sentAtRest(): Promise<number> {
  for (let sent = -1; ; ) {
    const now = (await applied()).length
    if (now === sent) return sent
    sent = now
    await wait(2_000)
  }
}

const fullDisks = [
  {
    what: 'the tables (tmpfs 32 MB)',
    place: () => tableDisk,
    department: 'Night Watch',
    more: `insert into public.filler select repeat('x', 1000) from generate_series(1, 20000)`,
  },
  {
    what: 'all of PostgreSQL (tmpfs 300 MB)',
    place: () => disk,
    department: 'Day Watch',
    more: `select pg_logical_emit_message(true, 'filler', repeat('x', 1000000))`,
  },
]

// Fails when 53100 is no `unavailable`, when a call to Microsoft goes before its audit, or when
// nobody starts the database again.
it.runIf(mounts).each(fullDisks)(
  'A9: a full disk under $what is said, sends nothing unrecorded, and work goes on when there is space',
  async ({ place, department, more }) => {
    const keys = await firstPeople(world, tenantId, people)
    await slowDown(world, 700)
    await world.microsoft.clearCalls()
    const id = await startMove(world, tenantId, keys, department)
    await until('the first change', 30_000, async () => (await applied()).length > 0)
    const filler = await fill(place())
    await fillDatabase(more)
    const refused = await until('a refusal for want of space', 60_000, async () => {
      const answer = await created()
      return answer.status !== 201 && answer
    })
    expect(refused.status).toBe(503)
    expect(refusals).toContain(refused.body.code)
    const sent = await sentAtRest()
    await wait(3_000)
    figure('calls to Microsoft while the disk is full', (await applied()).length - sent, '= 0')
    figure('changes left to do then', people - sent, '>= 1')

    await rm(filler)
    await slowDown(world, 0)
    const freed = performance.now()
    await until('writes again', 30_000, async () => (await created()).status === 201)
    figure('ms until writes are taken again', performance.now() - freed, '<= 30000')
    await world.query('drop table if exists public.filler')
    expect(await ended(world, 'transaction', id, 60_000)).toMatchObject({ state: 'succeeded' })
    expect(await differences(world)).toEqual([])
    expect(new Set((await applied()).map(({ path }) => path)).size).toBe(people)
    const { unrecorded, late } = await world.writesOnRecord()
    figure('writes unrecorded, or recorded late', unrecorded.length + late.length, '= 0')
  },
  240_000,
)

// Fails when an error of the log ends the process.
it.runIf(mounts)(
  'A9: a full disk under the log (tmpfs 32 MB) stops nobody, and the log goes on when there is space',
  async () => {
    const file = join(logDisk, 'serve.log')
    const log = openSync(file, 'a')
    const args = ['serve', '--role', 'api', '--port', '0', '--data', world.dataDir]
    const child = spawn(process.execPath, [launcher, ...args], { stdio: ['ignore', log, log] })
    started.push(child)
    const linesOf = async () => logLines(await readFile(file, 'utf8'))
    const ready = await until('it is ready', 20_000, async () =>
      (await linesOf()).find(({ msg }) => msg === 'patchbay is ready'),
    )
    const filler = await fill(logDisk)
    const headers = { authorization: `Bearer ${await world.token()}` }
    const statuses = new Set<number>()
    for (let count = 0; count < 200; count++) {
      statuses.add((await fetch(`${ready.url}/v1/nodes`, { headers })).status)
    }
    expect([...statuses]).toEqual([200])
    await rm(filler)
    expect((await fetch(`${ready.url}/v1/nodes`, { headers })).status).toBe(200)
    await until('a new line', 5_000, async () => {
      const last = (await readFile(file, 'utf8')).trimEnd().split('\n').at(-1) ?? ''
      return last.startsWith('{') && last.endsWith('}') && last.includes('request')
    })
    expect(child.exitCode).toBeNull()
    child.kill('SIGTERM')
    await once(child, 'exit')
    closeSync(log)
  },
  60_000,
)
