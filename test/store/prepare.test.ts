import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Sealed } from '../../src/core/secret.ts'
import { openDatabase } from '../../src/store/database.ts'
import { startEmbedded } from '../../src/store/embedded.ts'
import { inScope } from '../../src/store/scope.ts'
import { startDebian } from './debian.ts'
import { quietLog, systemClock } from './testing.ts'

let folder: string
let superuser: URL
let serverPid: number

/**
 * A server of its own: roles belong to the whole server, and here they must be missing at first.
 */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-prepare-'))
  await chmod(folder, 0o755)
  if (process.env.PATCHBAY_TEST_POSTGRES === 'debian') {
    superuser = new URL((await startDebian(folder)).reveal())
    serverPid = Number(
      (await readFile(join(folder, 'cluster', 'postmaster.pid'), 'utf8')).split('\n')[0],
    )
  } else {
    const server = await startEmbedded(folder, systemClock)
    superuser = new URL(server.url.reveal())
    serverPid = server.pid
  }
})
afterAll(async () => {
  process.kill(serverPid, 'SIGKILL')
  await systemClock.sleep(200)
  await rm(folder, { recursive: true, force: true })
})

async function query(url: URL, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    let rows: Record<string, unknown>[] = []
    for (const statement of statements) rows = (await client.query(statement)).rows
    return rows
  } finally {
    await client.end()
  }
}

function at(database: string, user?: { name: string; password: string }): URL {
  const url = new URL(superuser.href)
  url.pathname = `/${database}`
  if (user !== undefined) {
    url.username = user.name
    url.password = encodeURIComponent(user.password)
  }
  return url
}

const open = (url: URL) =>
  openDatabase({ url: new Sealed(url.href), name: 'prepare', log: quietLog, poolMax: 2 })

test('many first starts at once, of one database and of several, all succeed', async () => {
  await query(at('postgres'), 'create database one', 'create database two', 'create database three')
  const databases = await Promise.all(
    ['one', 'one', 'one', 'one', 'two', 'two', 'three'].map((name) => open(at(name))),
  )
  for (const db of databases) {
    expect(await inScope(db, '1.', (tx) => tx.selectFrom('node').selectAll().execute())).toEqual([])
    await db.close()
  }
  const rows = await query(at('one'), 'select name from patchbay.migration')
  const files = await readdir(new URL('../../src/store/migrations/', import.meta.url))
  expect(rows.map((row) => row.name).sort()).toEqual(files.sort())
})

test('an owner who is no superuser is enough: a role that may create roles and owns the database', async () => {
  const owner = { name: 'renter', password: 'p@ss/word:%&ü' }
  await query(
    at('postgres'),
    `create role renter login createrole password '${owner.password}'`,
    'create database rented owner renter',
  )
  // The roles are there already, made by another user of this server: both must be handed over.
  await query(at('postgres'), 'grant patchbay_owner, patchbay_app to renter with admin option')
  const db = await open(at('rented', owner))
  const { rows } = await db.pool.query('select current_user as name')
  expect(rows).toEqual([{ name: 'patchbay_app' }])
  await db.close()
})

test('an owner with too few rights is told which, and nothing is left half made', async () => {
  const owner = { name: 'guest', password: 'guest' }
  await query(at('postgres'), `create role guest login password 'guest'`, 'create database guested')
  await expect(open(at('guested', owner))).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('CREATEROLE'),
  })
  const rows = await query(
    at('guested'),
    `select nspname from pg_namespace where nspname in ('patchbay', 'dbos')`,
  )
  expect(rows).toEqual([])
})

test('an address that cannot be read is refused without showing it', async () => {
  for (const text of [
    '',
    'postgres://a:secret%zz@localhost/x',
    'postgres://a:sec ret@:x/y',
    'secret',
  ]) {
    const error = await openDatabase({ url: new Sealed(text), name: 'x', log: quietLog }).catch(
      (thrown) => thrown,
    )
    expect(error, text).toMatchObject({ code: 'bad-input' })
    expect(inspect(error, { depth: 9 }), text).not.toMatch(/secret|sec ret/)
  }
})

test('a role that was given more than it should have stops the start', async () => {
  for (const [give, take] of [
    ['alter role patchbay_app bypassrls', 'alter role patchbay_app nobypassrls'],
    ['alter role patchbay_app superuser', 'alter role patchbay_app nosuperuser'],
    ['grant patchbay_owner to patchbay_app', 'revoke patchbay_owner from patchbay_app'],
  ] as const) {
    await query(at('one'), give)
    await expect(open(at('one')), give).rejects.toThrow('row-level security')
    await query(at('one'), take)
  }
  await (await open(at('one'))).close()
})

test('a database of a newer version is left alone', async () => {
  await query(at('two'), `insert into patchbay.migration (name) values ('9999-later.sql')`)
  await expect(open(at('two'))).rejects.toThrow('9999-later.sql')
})

test('the password of the application stands in no statement, and follows the owner’s', async () => {
  const [row] = await query(
    at('one'),
    `select rolpassword from pg_authid where rolname = 'patchbay_app'`,
  )
  expect(String(row?.rolpassword)).toMatch(/^SCRAM-SHA-256\$4096:/)
  await query(at('one'), `alter role ${superuser.username} password 'another'`)
  superuser.password = 'another'
  const db = await open(at('one'))
  expect((await db.pool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
  await db.close()
})
