import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import type { Sealed } from '../../src/core/secret.ts'
import { type EmbeddedServer, endServer, startEmbedded } from '../../src/store/embedded.ts'
import { startWatchedEmbedded } from '../../src/store/embeddedWatch.ts'
import { systemClock } from './testing.ts'

let folder: string
let dataDir: string
const startedPids = new Set<number>()
const elsewhere: ChildProcess[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-embedded-'))
  await chmod(folder, 0o755)
  dataDir = join(folder, 'data')
})
afterAll(async () => {
  // One left over holds our output open, and the run never ends.
  for (const child of elsewhere) child.kill('SIGKILL')
  for (const pid of startedPids) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

async function start(dir = dataDir): Promise<EmbeddedServer> {
  const server = await startEmbedded(dir, systemClock)
  startedPids.add(server.pid)
  return server
}

async function query(url: Sealed, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url.reveal() })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Another process that starts or adopts the same server, says what it got, and stays. */
async function startElsewhere(dir: string) {
  const child = spawn(
    process.execPath,
    [new URL('embeddedChild.ts', import.meta.url).pathname, dir],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  elsewhere.push(child)
  const [line] = await once(child.stdout, 'data')
  const told: { pid: number; adopted: boolean } = JSON.parse(String(line))
  startedPids.add(told.pid)
  return { child, ...told }
}

test('several first starts at once make one server, which all of them get', async () => {
  const [here, ...others] = await Promise.all([
    start(),
    startElsewhere(dataDir),
    startElsewhere(dataDir),
  ])
  const pids = [here.pid, ...others.map((other) => other.pid)]
  expect(new Set(pids).size).toBe(1)
  expect([here, ...others].filter((one) => !one.adopted)).toHaveLength(1)
  for (const { child } of others) child.kill('SIGKILL')
  await query(here.url, 'create table kept (n integer); insert into kept values (1)')
})

test('it is durable, listens on loopback only, takes no guessed password and logs no values', async () => {
  const server = await start()
  expect(server.adopted).toBe(true)
  const names = [
    'fsync',
    'synchronous_commit',
    'listen_addresses',
    'unix_socket_directories',
    'jit',
  ]
  const rows = await query(
    server.url,
    `select name, setting from pg_settings where name in ('${names.join("','")}')`,
  )
  const settings = Object.fromEntries(rows.map((row) => [row.name, row.setting]))
  expect(settings).toEqual({
    ...{ fsync: 'on', synchronous_commit: 'on', jit: 'off' },
    ...{ listen_addresses: '127.0.0.1', unix_socket_directories: '' },
  })
  const password = join(dataDir, 'instance', 'password')
  expect((await stat(password)).mode & 0o777).toBe(0o600)
  const guess = new URL(server.url.reveal())
  guess.password = 'postgres'
  await expect(new pg.Client({ connectionString: guess.href }).connect()).rejects.toThrow(
    'password',
  )
  await query(server.url, `select 'canary-4711'::integer`).catch(() => {})
  await query(
    server.url,
    `create table u (t text unique); insert into u values ('canary-4711'), ('canary-4711')`,
  ).catch(() => {})
  const log = await readFile(join(dataDir, 'server.log'), 'utf8')
  expect(log).toContain('ready to accept connections')
  expect(log).not.toContain("'canary-4711'::integer")
  expect(log).not.toContain('Key (')
})

test('a process killed leaves the server to the next, which adopts it', async () => {
  const before = await start()
  await before.stop()
  expect(isAlive(before.pid)).toBe(false)
  const owner = await startElsewhere(dataDir)
  expect(owner.adopted).toBe(false)
  owner.child.kill('SIGKILL')
  await once(owner.child, 'exit')
  const server = await start()
  expect(server).toMatchObject({ adopted: true, pid: owner.pid })
  expect(await query(server.url, 'select n from kept')).toEqual([{ n: 1 }])
})

test('a server killed comes back with what was committed, at the same address', async () => {
  const server = await start()
  await query(server.url, 'insert into kept values (2)')
  process.kill(server.pid, 'SIGKILL')
  const again = await start()
  expect(again.adopted).toBe(false)
  expect(again.url.reveal()).toBe(server.url.reveal())
  expect(await query(again.url, 'select n from kept order by n')).toEqual([{ n: 1 }, { n: 2 }])
})

test('one that is watched and dies is started again, and ended with its watcher', async () => {
  const said: string[] = []
  const note = (_fields: object, message: string) => void said.push(message)
  const log = { info: note, warn: note, error: note }
  const server = await startWatchedEmbedded(dataDir, systemClock, log)
  const pidOf = async () =>
    Number(
      (await readFile(join(dataDir, 'instance/cluster/postmaster.pid'), 'utf8')).split('\n')[0],
    )
  process.kill(await pidOf(), 'SIGKILL')
  await expect
    .poll(() => query(server.url, 'select count(*)::int as n from kept').catch(() => []), {
      timeout: 20_000,
    })
    .toEqual([{ n: 2 }])
  expect(said).toEqual(['the embedded PostgreSQL ended; starting it again'])
  const again = await pidOf()
  startedPids.add(again)
  await server.stop()
  expect(isAlive(again)).toBe(false)
})

test('it is not ended under another process that uses it', async () => {
  const server = await start()
  const user = new pg.Client({ connectionString: server.url.reveal() })
  await user.connect()
  await server.stop()
  expect(isAlive(server.pid)).toBe(true)
  expect((await user.query('select 1 as n')).rows).toEqual([{ n: 1 }])
  await user.end()
  await server.stop()
  expect(isAlive(server.pid)).toBe(false)
})

test('it is ended where somebody had only just left', async () => {
  const server = await start(join(folder, 'left'))
  const client = new pg.Client({ connectionString: server.url.reveal() })
  await client.connect()
  const leaving = systemClock.sleep(300).then(() => client.end())
  await server.stop()
  await leaving
  expect(isAlive(server.pid)).toBe(false)
})

test('one that ignores the request to end is ended nevertheless', async () => {
  const server = await start()
  const client = new pg.Client({ connectionString: server.url.reveal() })
  client.on('error', () => {})
  await client.connect()
  // Connected after the last look for others: what a starting process would do.
  const begun = Date.now()
  await endServer(server.pid, systemClock)
  expect(isAlive(server.pid)).toBe(false)
  expect(Date.now() - begun).toBeLessThan(limits.embeddedStopMs / 2)
  await client.end().catch(() => {})
})

test.runIf(process.getuid?.() === 0)(
  'a folder that nobody may enter is refused with the way out',
  async () => {
    const closed = join(folder, 'closed')
    await mkdir(closed, { mode: 0o700 })
    for (const dir of [join(closed, 'data'), closed]) {
      const attempt = startEmbedded(dir, systemClock)
      await expect(attempt).rejects.toMatchObject({ code: 'unavailable' })
      await expect(attempt).rejects.toThrow(
        /nobody may not enter .*closed.*Choose a data directory/,
      )
    }
    expect((await stat(closed)).mode & 0o777).toBe(0o700)
  },
)
