import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { figure } from '../figures/figure.ts'
import { filesUnder, readText } from '../rules/source.ts'
import { startTestPatchbay, type TestPatchbay } from './patchbay.ts'

let patchbay: TestPatchbay
let database: pg.Client

beforeAll(async () => {
  patchbay = await startTestPatchbay({ role: 'api' })
  database = new pg.Client({ connectionString: patchbay.databaseUrl.reveal() })
  await database.connect()
})
afterAll(async () => {
  await database.end()
  await patchbay.close()
})

/** The files a file brings along, however it imports them. */
function importsOf(path: string): string[] {
  const folder = path.slice(0, path.lastIndexOf('/'))
  const found = [...readText(path).matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)]
  return found.map(([, target = '']) => new URL(target, `file:///${folder}/`).pathname.slice(1))
}

function everythingOf(path: string, known = new Set<string>()): Set<string> {
  if (known.has(path)) return known
  known.add(path)
  for (const each of importsOf(path)) everythingOf(each, known)
  return known
}

it('J6: a server carries neither the emulator nor the demo', () => {
  const files = [...everythingOf('src/main/serve.ts')]
  expect(files.length).toBeGreaterThan(150)
  expect(files.filter((path) => /^src\/emulator\/|\/demo/.test(path))).toEqual([])
  // The same search does find it where it is.
  expect([...everythingOf('src/main/emulator.ts')].join()).toContain('src/emulator/')
})

it('J5: a server starts no program but its database, and holds no PowerShell', () => {
  const files = [...everythingOf('src/main/serve.ts')]
  const starting = files.filter((path) => /'node:child_process'/.test(readText(path)))
  expect(starting).toEqual(['src/store/embedded.ts'])
  expect(files.filter((path) => /powershell|pwsh|winrm/i.test(path))).toEqual([])
  expect(readText('package.json')).not.toMatch(/powershell|winrm/i)
})

it('J5: a server works at the database as a role that may make, own and pass by nothing', async () => {
  const { rows: roles } = await database.query(
    `select distinct r.rolname, r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolbypassrls
       or r.rolreplication as mighty,
       (select count(*)::int from pg_class where relowner = r.oid) as owned,
       (select count(*)::int from pg_auth_members where member = r.oid) as memberships
     from pg_stat_activity a join pg_roles r on r.oid = a.usesysid
     where a.datname = current_database() and a.pid <> pg_backend_pid()`,
  )
  expect(roles).toEqual([{ rolname: 'patchbay_app', mighty: false, owned: 0, memberships: 0 }])
})

it('J6: no route is there for debugging, control or invented data', async () => {
  const paths = [
    ...['_control/faults', '_control/calls', 'debug', 'debug/pprof', '__inspect', 'json/list'],
    ...['swagger', 'graphql', 'admin', '.env', '.git/config', 'server-status', 'actuator/env'],
    ...['v1/seed', 'v1/debug', 'v1/test', 'v1.0/users', 'common/oauth2/v2.0/token', 'console'],
  ]
  const headers = { authorization: `Bearer ${patchbay.token}` }
  let there = 0
  for (const path of paths) {
    for (const init of [{}, { headers }]) {
      const { status } = await fetch(`${patchbay.url}/${path}`, init)
      if (status !== 404) there += 1
    }
  }
  figure('routes nobody should find', there, '= 0')
})

it('J6: a first start invents nobody and nothing', async () => {
  const { rows: tables } = await database.query<{ name: string }>(
    `select table_name as name from information_schema.columns
      where table_schema = 'patchbay' and column_name = 'node_path'`,
  )
  const filled: string[] = []
  for (const { name } of tables) {
    const { rowCount } = await database.query(`select from patchbay.${name} limit 1`)
    if (rowCount) filled.push(name)
  }
  expect(filled.filter((name) => /tenant|resource|person|certificate|secret/.test(name))).toEqual(
    [],
  )
  expect(filesUnder('src/store/migrations').length).toBeGreaterThan(10)
})
