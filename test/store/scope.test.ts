import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { isUniqueViolation } from '../../src/store/errors.ts'
import { inScope, type Scope, type Tx } from '../../src/store/scope.ts'
import { type FreshDatabase, freshDatabase } from './testing.ts'

let fresh: FreshDatabase

beforeAll(async () => {
  fresh = await freshDatabase()
  await inScope(fresh.db, '1.', async (tx) => {
    await addNode(tx, 1, '1.', 'provider')
    await addNode(tx, 2, '1.2.', 'customer')
    await addNode(tx, 3, '1.3.', 'customer')
    await addNode(tx, 23, '1.23.', 'customer')
  })
})
afterAll(() => fresh.close())

async function addNode(tx: Tx, id: number, path: string, kind: 'provider' | 'customer') {
  await tx
    .insertInto('node')
    .values({ id, parent_id: id === 1 ? null : 1, kind, name: `node ${id}`, node_path: path })
    .execute()
}

/** For all commands: at least the range, and at most the list. */
const bothPolicies = 'listed * must patchbay_app; scoped * may -'

function countNodes(scope: Scope): Promise<number> {
  return inScope(
    fresh.db,
    scope,
    async (tx) => (await tx.selectFrom('node').select('id').execute()).length,
  )
}

test('a scope shows itself and what lies below, and no neighbour that begins alike', async () => {
  expect(await countNodes('1.')).toBe(4)
  expect(await countNodes('1.2.')).toBe(1)
  expect(await countNodes('1.9.')).toBe(0)
  expect(await countNodes('2.')).toBe(0)
})

test('H2: several scopes show what lies within any of them, and nothing between', async () => {
  expect(await countNodes(['1.2.', '1.3.'])).toBe(2)
  expect(await countNodes(['1.3.', '1.2.', '1.2.'])).toBe(2)
  expect(await countNodes(['1.2.', '1.'])).toBe(4)
  expect(await countNodes(['1.2.', '1.9.'])).toBe(1)
  expect(await countNodes([])).toBe(0)
})

test('H2: without a scope there are no rows', async () => {
  expect(await fresh.db.kysely.selectFrom('node').selectAll().execute()).toEqual([])
})

test('H2: a row outside the scope can be neither written, changed nor moved there', async () => {
  const refused = /row-level security/
  await expect(
    inScope(fresh.db, '1.2.', (tx) => addNode(tx, 9, '1.9.', 'customer')),
  ).rejects.toThrow(refused)
  await expect(
    inScope(fresh.db, '1.2.', (tx) =>
      tx.updateTable('node').set({ node_path: '1.3.2.' }).execute(),
    ),
  ).rejects.toThrow(refused)
  const changed = await inScope(fresh.db, '1.2.', (tx) =>
    tx.updateTable('node').set({ name: 'taken' }).where('id', '=', 3).executeTakeFirst(),
  )
  expect(changed.numUpdatedRows).toBe(0n)
  const between = inScope(fresh.db, ['1.2.', '1.3.'], (tx) => addNode(tx, 23, '1.23.', 'customer'))
  await expect(between).rejects.toThrow(refused)
  const moved = inScope(fresh.db, ['1.2.', '1.3.'], (tx) =>
    tx.updateTable('node').set({ node_path: '1.23.2.' }).where('id', '=', 2).execute(),
  )
  await expect(moved).rejects.toThrow(refused)
})

// A table of a new migration gets `listed` by the procedure hold_to_list, called at its end.
test('H1: every table with a node path has row-level security, forced, by both policies', async () => {
  const { rows } = await fresh.db.pool.query<{ name: string; sound: boolean; policies: string }>(
    `select c.relname as name, c.relrowsecurity and c.relforcerowsecurity as sound,
            (select string_agg(concat_ws(' ', polname, polcmd, case when polpermissive then 'may'
                      else 'must' end, array_to_string(polroles::regrole[], ',')), '; '
                      order by polname)
               from pg_policy p where p.polrelid = c.oid) as policies
       from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'node_path'
      where c.relnamespace = 'patchbay'::regnamespace and c.relkind in ('r', 'p')`,
  )
  expect(rows.length).toBeGreaterThan(18)
  expect(rows.filter((row) => !row.sound || row.policies !== bothPolicies)).toEqual([])
})

test('H1: the application owns nothing, is no superuser and goes around no policy', async () => {
  const { rows } = await fresh.db.pool.query<Record<string, unknown>>(
    `select current_user as name, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,
            pg_has_role('patchbay_owner', 'member') as member,
            (select count(*)::int from pg_class where relowner = r.oid) as owned,
            (select count(*)::int from pg_views where schemaname = 'patchbay') as views
       from pg_roles r where rolname = current_user`,
  )
  expect(rows).toEqual([
    {
      name: 'patchbay_app',
      ...{ rolsuper: false, rolbypassrls: false, rolcreaterole: false, rolcreatedb: false },
      ...{ member: false, owned: 0, views: 0 },
    },
  ])
})

test('I5: what is on record cannot be changed, nor the schema', async () => {
  for (const statement of [
    'update audit set action = action',
    'delete from audit',
    'delete from event',
    'truncate audit',
    'drop table audit',
    'alter table audit disable row level security',
    'set role patchbay_owner',
    "insert into migration (name) values ('9999-none.sql')",
  ]) {
    await expect(fresh.db.pool.query(statement), statement).rejects.toThrow(
      /permission denied|must be owner/,
    )
  }
})

test('H2: a pooled connection keeps no scope, whatever ended the transaction', async () => {
  const failures = ['none', 'thrown', 'statement', 'killed'] as const
  for (let round = 0; round < limits.poolMax * 100; round++) {
    const failure = round % 50 === 49 ? 'killed' : failures[round % 3]
    await inScope(fresh.db, '1.', async (tx) => {
      if (failure === 'thrown') throw new Error('thrown')
      if (failure === 'statement') await sql`select 1 / 0`.execute(tx)
      if (failure === 'killed') await sql`select pg_terminate_backend(pg_backend_pid())`.execute(tx)
    }).catch(() => {})
    const { rows } = await fresh.db.pool.query<{ count: number; scope: string | null }>(
      `select count(*)::int, current_setting('patchbay.scope', true) as scope from node`,
    )
    expect(rows[0]?.count).toBe(0)
    expect(rows[0]?.scope ?? '').toBe('')
  }
}, 30_000)

test('A11: a connection that breaks while it is lent does not end the process', async () => {
  await fresh.db.kysely.connection().execute(async (lent) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(lent)
    const other = await fresh.db.pool.connect()
    await other.query('select pg_terminate_backend($1)', [rows[0]?.pid])
    // What the driver does when it hears of it; without a listener this throws.
    expect(() => other.emit('error', new Error('Connection terminated'))).not.toThrow()
    other.release()
    await expect(sql`select 1`.execute(lent)).rejects.toThrow(/terminat|connection error/)
  })
})

test('a scope that is no path is refused before anything is asked', async () => {
  for (const scope of ['', '1', '1..', "1.'; drop table node --", '1.\n', '.1.']) {
    await expect(countNodes(scope), scope).rejects.toMatchObject({ code: 'internal' })
  }
})

test('a statement that failed cannot be swallowed and the rest committed', async () => {
  await expect(
    inScope(fresh.db, '1.', async (tx) => {
      await addNode(tx, 50, '1.50.', 'customer')
      await sql`select 1 / 0`.execute(tx).catch(() => {})
    }),
  ).rejects.toThrow()
  expect(await countNodes('1.50.')).toBe(0)
})

test('a unique violation is for the caller to judge', async () => {
  const error = await inScope(fresh.db, '1.', (tx) => addNode(tx, 2, '1.2.', 'customer')).catch(
    (e) => e,
  )
  expect(isUniqueViolation(error)).toBe(true)
  expect(isUniqueViolation(error, 'node_pkey')).toBe(true)
  expect(isUniqueViolation(error, 'node_node_path_key')).toBe(false)
  expect(isUniqueViolation(new Error('23505'))).toBe(false)
})

test('numbers, lists of numbers, moments and dates come as what they are', async () => {
  const { rows } = await fresh.db.pool.query(
    `select 9007199254740991::bigint as big, array[1, 2]::bigint[] as list, '{}'::bigint[] as none,
            '2026-01-31'::date as day, '2026-01-31T10:00:00Z'::timestamptz as moment`,
  )
  expect(rows).toEqual([
    {
      big: Number.MAX_SAFE_INTEGER,
      list: [1, 2],
      none: [],
      day: '2026-01-31',
      moment: new Date('2026-01-31T10:00:00Z'),
    },
  ])
  await expect(fresh.db.pool.query('select 9007199254740992::bigint')).rejects.toThrow('2^53')
})
