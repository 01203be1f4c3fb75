import { chmod, copyFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endServer, startEmbedded } from '../../src/store/embedded.ts'
import { newMasterKey } from '../../src/store/masterKey.ts'
import { run } from '../cli/command.ts'
import { systemClock } from '../store/testing.ts'
import { makeCanary, search } from './canaries.ts'
import { openWorld, postgresPid, until, type World } from './world.ts'

let world: World
let second: string
let tenantId: number

beforeAll(async () => {
  world = await openWorld(30)
  await world.serve()
  tenantId = await world.attach('Contoso')
  second = await mkdtemp(join(tmpdir(), 'patchbay-restored-'))
  await chmod(second, 0o711)
})
afterAll(async () => {
  const pid = await postgresPid(second)
  if (pid !== undefined) await endServer(pid, systemClock)
  await rm(second, { recursive: true, force: true })
  await world.close()
})

const at = (dataDir: string, ...args: string[]) => run([...args, '--data', dataDir], { env: {} })

/** The codes on record that begin so, in their order. */
async function recorded({ query }: World, beginning: string): Promise<string[]> {
  const text = 'select action from audit where action like $1 order by id'
  return (await query<{ action: string }>(text, [`${beginning}%`])).map(({ action }) => action)
}

test('E6: the master key is rotated while Patchbay runs, and the tenant signs in as before', async () => {
  const before = await readFile(join(world.dataDir, 'master-key'), 'utf8')
  const rotated = await at(world.dataDir, 'key', 'rotate')
  expect(rotated).toMatchObject({ exit: 0, out: '1 tenant graph.clientSecret\n' })
  const after = await readFile(join(world.dataDir, 'master-key'), 'utf8')
  expect(after).not.toContain(before.trim())
  expect((await stat(join(world.dataDir, 'master-key'))).mode & 0o777).toBe(0o600)
  expect(await recorded(world, 'key.')).toEqual(['key.rotate', 'key.rotated'])
  const tested = await world.ask('POST', `/v1/tenants/${tenantId}/test`, { confirm: true })
  expect(tested.body).toMatchObject({ outcome: expect.not.stringContaining('failed') })
})

test('A13: a backup of the running one is restored elsewhere', async () => {
  const file = join(second, 'backup')
  expect(await at(world.dataDir, 'backup', file)).toMatchObject({ exit: 0, out: '' })
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(await recorded(world, 'backup.')).toEqual(['backup.create'])
  expect(await at(second, 'restore', file)).toMatchObject({ exit: 0 })
  // The command was the last one out, and has ended it.
  const { url } = await startEmbedded(join(second, 'postgres'), systemClock)
  const owner = new pg.Client({ connectionString: url.reveal() })
  await owner.connect()
  const { rowCount } = await owner.query(
    `select from patchbay.audit where action = 'backup.restore'`,
  )
  await owner.end()
  expect(rowCount).toBe(1)
})

test('A13: what was restored opens with the key alone, and is not restored over', async () => {
  expect(await at(second, 'restore', join(second, 'backup'))).toMatchObject({ exit: 1 })
  expect(await at(second, 'key', 'verify')).toMatchObject({ exit: 6 })
  await copyFile(join(world.dataDir, 'master-key'), join(second, 'master-key'))
  const verified = await at(second, 'key', 'verify')
  expect(verified).toMatchObject({ exit: 0, out: '1 tenant graph.clientSecret\n' })
})

const badKeys: [what: string, spoil: (path: string) => Promise<unknown>, words: RegExp][] = [
  [
    'others may read',
    (path) => chmod(path, 0o644),
    /may be read by others \(mode 644\).*chmod 600/,
  ],
  ['is cut off', (path) => truncate(path, 30), /is damaged.*backup/],
  ['is another', (path) => writeFile(path, otherKey()), /not at hand.*backup/],
  ['is gone', (path) => rm(path), /not at hand.*backup/],
]

test.each(badKeys)(
  'E7: no server starts with a master key that %s',
  async (_what, spoil, words) => {
    const path = join(second, 'master-key')
    await rm(path, { force: true })
    await copyFile(join(world.dataDir, 'master-key'), path)
    await spoil(path)
    const ended = await at(second, 'serve', '--port', '0')
    expect(ended.exit).toBeGreaterThan(0)
    expect(ended.err).toMatch(words)
    expect(ended.err).not.toContain(
      (await readFile(join(world.dataDir, 'master-key'), 'utf8')).slice(9, 40),
    )
  },
)

function otherKey(): string {
  const { id, key } = newMasterKey()
  return `${id} ${key.export().toString('base64')}\n`
}

/** Arguments and environment of the PostgreSQL in a data directory, as soon as it runs. */
async function postgresSeen(dataDir: string): Promise<string> {
  return await until('PostgreSQL is running', 30_000, async () => {
    const pid = await postgresPid(dataDir)
    const read = (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')
    const environ = await read('environ')
    return environ !== '' && environ + (await read('cmdline'))
  })
}

test('E1, E7: what came with the environment is shown by no command, nor given to PostgreSQL', async () => {
  await rm(join(second, 'master-key'), { force: true })
  const keys = (await readFile(join(world.dataDir, 'master-key'), 'utf8')).trim()
  const password = makeCanary('password', '_-_-')
  const secrets = [{ name: 'master key', text: keys.split(' ')[1] ?? '' }, password]
  const given = { PATCHBAY_MASTER_KEY: keys }
  const away = { DATABASE_URL: `postgres://ada:${password.text}@127.0.0.1:1/patchbay` }
  const odd = { DATABASE_URL: `mysql://ada:${password.text}@127.0.0.1/patchbay` }
  const command = (env: NodeJS.ProcessEnv, ...args: string[]) =>
    run([...args, '--data', second], { env })
  const [seen, verified, ...refused] = await Promise.all([
    postgresSeen(second),
    command(given, 'key', 'verify'),
    command({ ...given, ...away }, 'doctor'),
    command({ ...given, ...away }, 'key', 'verify'),
    command({ PATCHBAY_MASTER_KEY: keys.slice(0, -2) }, 'doctor', '--json'),
    command({ ...given, ...odd }, 'serve', '--port', '0'),
  ])
  expect(verified).toMatchObject({ exit: 0, err: '' })
  for (const { exit } of refused) expect(exit).toBeGreaterThan(0)
  expect(refused.map(({ out, err }) => out + err).join()).toMatch(
    /PATCHBAY_MASTER_KEY.*DATABASE_URL/s,
  )
  expect(seen).toContain('LC_ALL=C')
  const said = new Map(
    [verified, ...refused].map(({ out, err }, at) => [`command ${at}`, out + err]),
  )
  expect(search(said.set('PostgreSQL', seen), secrets)).toEqual([])
})

test.each([
  [['key'], 2],
  [['key', 'burn'], 2],
  [['backup'], 2],
])('%s is wrong usage', async (args, exit) => {
  expect(await at(second, ...args)).toMatchObject({ exit })
})
