import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { generateCertificate } from '../../src/features/certificates/generate.ts'
import type { Finding } from '../../src/main/findings.ts'
import { isRunning, startEmbedded } from '../../src/store/embedded.ts'
import { type FreshDatabase, freshDatabase, systemClock } from '../store/testing.ts'
import { run } from './command.ts'

let database: FreshDatabase
let dataDir: string

beforeAll(async () => {
  database = await freshDatabase()
})
afterAll(() => database.close())
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'patchbay-doctor-'))
  // What is found is about root's PostgreSQL, too, which runs as nobody.
  await chmod(dataDir, 0o711)
  // Nobody's: what runs at the usual port is none of a test's business.
  await settings({ port: 9 })
})
afterEach(() => rm(dataDir, { recursive: true }))

const settings = (members: object) =>
  writeFile(join(dataDir, 'patchbay.json'), JSON.stringify(members))

async function doctor(
  env: NodeJS.ProcessEnv = {},
  nodeArgs: readonly string[] = [],
  place = dataDir,
) {
  const { DATABASE_URL: _, ...rest } = process.env
  const { out, exit, err } = await run(['doctor', '--data', place, '--json'], {
    ...{ env: { ...rest, ...env }, nodeArgs },
  })
  const { findings, outcome }: { findings: Finding[]; outcome: string } = JSON.parse(out)
  const of = (check: string) => findings.filter((finding) => finding.check === check)
  return { out, err, exit, outcome, of }
}

it('finds nothing to mend where nothing was started yet, and makes nothing', async () => {
  const { exit, outcome, of } = await doctor()
  expect([exit, outcome]).toEqual([0, 'passed'])
  expect(of('node')[0]?.outcome).toBe('passed')
  expect(of('master key')[0]?.message).toMatch(/not there yet/)
  expect(of('disk space')[0]?.message).toMatch(/GiB free/)
  expect(of('database')[0]?.message).toMatch(
    /^our own PostgreSQL 18\.\d+: the first start makes it/,
  )
  const { out } = await run(['doctor', '--data', dataDir])
  expect(out).toMatch(/^passed {3}node /)
  expect(await readdir(dataDir)).toEqual(['patchbay.json'])
})

it('names a configuration that is wrong, and stops there', async () => {
  await settings({ port: 'many' })
  const { exit, of } = await doctor()
  expect(exit).toBe(1)
  expect(of('configuration')[0]).toMatchObject({ outcome: 'failed' })
  expect(of('configuration')[0]?.message).toContain('port')
  expect(of('database')).toEqual([])
})

it('says how to close what others may read', async () => {
  for (const name of ['master-key', 'admin-token']) {
    await writeFile(join(dataDir, name), 'x')
    await chmod(join(dataDir, name), 0o644)
  }
  await chmod(dataDir, 0o755)
  const { exit, of } = await doctor()
  expect(exit).toBe(1)
  expect(of('master key')[0]?.message).toContain('chmod 600')
  expect(of('admin token')[0]?.remedy).toContain('chmod 600')
  expect(of('data directory')[0]).toMatchObject({ outcome: 'warning' })
})

it('names a master key that is damaged', async () => {
  await writeFile(join(dataDir, 'master-key'), 'rubbish', { mode: 0o600 })
  expect((await doctor()).of('master key')[0]).toMatchObject({ outcome: 'failed' })
})

it('finds a database current, and its clock', async () => {
  const { of } = await doctor({ DATABASE_URL: database.url.reveal() })
  expect(of('database')[0]).toMatchObject({ outcome: 'passed' })
  expect(of('database')[0]?.message).toMatch(/^PostgreSQL \d+.*schema current$/)
  expect(of('clock')[0]?.outcome).toBe('passed')
})

it('names a user who may not prepare the database, and one nobody can reach', async () => {
  const url = new URL(database.url.reveal())
  const name = `weak_${process.pid}`
  const admin = new pg.Client({ connectionString: url.href })
  await admin.connect()
  await admin.query(`create role ${name} login password 'hidden-word'`)
  try {
    url.username = name
    url.password = 'hidden-word'
    const weak = await doctor({ DATABASE_URL: url.href })
    expect(weak.of('database')[0]).toMatchObject({ outcome: 'failed' })
    expect(weak.of('database')[0]?.remedy).toContain('CREATEROLE')
    url.port = '1'
    const away = await doctor({ DATABASE_URL: url.href })
    expect(away.exit).toBe(1)
    expect(away.of('database')[0]?.message).toMatch(/cannot be reached/)
    expect(weak.out + weak.err + away.out + away.err).not.toContain('hidden-word')
  } finally {
    await admin.query(`drop role ${name}`)
    await admin.end()
  }
})

it('names a PostgreSQL of our own that is missing, or too new for what is stored', async () => {
  const pretend = join(dataDir, 'pretend.mjs')
  await writeFile(pretend, `Object.defineProperty(process, 'arch', { value: 'abacus' })`)
  const missing = await doctor({}, ['--import', pretend])
  expect([missing.exit, missing.of('database')[0]?.outcome]).toEqual([1, 'failed'])
  expect(missing.of('database')[0]?.message).toMatch(/-abacus\) is not installed.*npm ci/)
  const cluster = join(dataDir, 'postgres/instance/cluster')
  await mkdir(cluster, { recursive: true })
  const half = await doctor()
  expect(half.of('database')[0]).toMatchObject({ outcome: 'failed' })
  await writeFile(join(cluster, 'PG_VERSION'), '15\n')
  const older = await doctor()
  expect(older.exit).toBe(1)
  expect(older.of('database')[0]?.message).toMatch(/PostgreSQL 15 wrote .* brings 18/)
})

it('looks into our own PostgreSQL while it runs, and does not start it', async () => {
  const server = await startEmbedded(join(dataDir, 'postgres'), systemClock)
  const running = await doctor().finally(() => process.kill(server.pid, 'SIGKILL'))
  expect(running.of('database')[0]).toMatchObject({ outcome: 'passed' })
  expect(running.of('database')[0]?.message).toMatch(
    /^our own PostgreSQL \d.*: the first start fills/,
  )
  expect(running.of('clock')[0]?.outcome).toBe('passed')
  // One that was killed leaves its port behind as if it ran.
  await expect.poll(() => isRunning(server), { timeout: 10_000 }).toBe(false)
  const killed = await doctor()
  expect(killed.of('clock')[0]?.outcome).toBe('skipped')
  expect(killed.of('database')[0]).toMatchObject({ outcome: 'passed' })
  expect(killed.of('database')[0]?.message).toMatch(/not now$/)
})

const isRoot = process.getuid?.() === 0

it.runIf(isRoot)('names a folder that the PostgreSQL of root may not enter', async () => {
  await chmod(dataDir, 0o700)
  const { exit, of } = await doctor()
  expect([exit, of('database')[0]?.outcome]).toEqual([1, 'failed'])
  expect(of('database')[0]?.message).toContain(`nobody may not enter ${dataDir}`)
})

it.skipIf(isRoot)('names a data directory that cannot be made', async () => {
  await chmod(dataDir, 0o555)
  const { exit, of } = await doctor({}, [], join(dataDir, 'data'))
  // Else it could not be removed either.
  await chmod(dataDir, 0o711)
  expect([exit, of('data directory')[0]?.outcome]).toEqual([1, 'failed'])
})

it('names an authority that has ended, and one that soon will', async () => {
  const cloud = { name: 'lab', login: 'https://lab.example', graph: 'https://lab.example' }
  const authority = async (startedDaysAgo: number) => {
    const clock = { ...systemClock, now: () => Date.now() - startedDaysAgo * 86_400_000 }
    const about = { commonName: 'Lab', keyBits: 2048 as const, validDays: 30 }
    const { certificatePem } = await generateCertificate(clock, about)
    await writeFile(join(dataDir, 'ca.pem'), certificatePem)
    await settings({ port: 9, clouds: [{ ...cloud, caFile: 'ca.pem' }] })
    return (await doctor()).of('certificate')[0]?.outcome
  }
  expect(await authority(40)).toBe('failed')
  expect(await authority(10)).toBe('warning')
})

it('tells a Patchbay that is ready from something else at its port', async () => {
  await writeFile(join(dataDir, 'admin-token'), 'token\n', { mode: 0o600 })
  const tenants = {
    items: [
      {
        id: 7,
        name: 'Contoso',
        connections: [
          { wire: 'graph', state: 'credentials-rejected', message: 'The secret has ended.' },
        ],
      },
    ],
    next: null,
  }
  let isOurs = true
  const server = createServer((request, response) => {
    response.setHeader('content-type', isOurs ? 'application/json' : 'text/html')
    if (!isOurs) response.writeHead(404)
    response.end(JSON.stringify(request.url?.startsWith('/v1/') ? tenants : { status: 'ready' }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await settings({ port })
  const ready = await doctor()
  expect(ready.exit).toBe(0)
  expect(ready.of('server')[0]).toMatchObject({ outcome: 'passed' })
  expect(ready.of('connection')[0]).toMatchObject({
    ...{ outcome: 'warning', remedy: 'Run: patchbay tenant test 7' },
  })
  isOurs = false
  const other = await doctor()
  expect([other.exit, other.of('server')[0]?.outcome]).toEqual([1, 'failed'])
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  const free = await doctor()
  expect([free.exit, free.of('server')[0]?.outcome]).toEqual([0, 'skipped'])
})
