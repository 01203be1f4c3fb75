import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inParallel } from '../../src/core/parallel.ts'
import { prepareDatabase } from '../../src/store/prepare.ts'
import { figure, fullSize } from '../figures/figure.ts'
import { until } from '../journeys/world.ts'
import { addDatabase, migrationNames, type OldDatabase, openOldDatabase } from './oldDatabase.ts'
import { type FreshDatabase, freshDatabase } from './testing.ts'

const child = fileURLToPath(new URL('upgradeChild.ts', import.meta.url))
/** What migrations rewrite on purpose: 0004 drops one, 0018 fills the other anew. */
const rewritten = ['run_model.cursor', 'resource.cols']
/** All of them take half a minute. */
const each = fullSize ? 'every' : 'every fourth'

let fresh: FreshDatabase
let old: OldDatabase
let template: string
let names: string[]

beforeAll(async () => {
  fresh = await freshDatabase()
  names = await migrationNames()
  const people = ['a', 'b', 'c', 'd', 'e'].map((key) => ({ key, department: 'Sales' }))
  const microsoftTenantId = '00000000-0000-4000-8000-000000000001'
  const model = 'device/msgraph/MSOLUser'
  old = await openOldDatabase(fresh.url, { microsoftTenantId, model, people })
  // Whoever migrates stands still behind a statement, once so many migrations are through.
  await old.admin.query(`create table public.stop_at (done int not null);
    create function public.stop_there() returns event_trigger language plpgsql security definer as $$
      begin
        if (select count(*) from patchbay.migration) = (select done from public.stop_at)
          and current_query() not like 'create % if not exists %' then
          perform pg_advisory_xact_lock(4711);
        end if;
      end $$;
    create event trigger stop_there on ddl_command_end execute function public.stop_there()`)
  const { rows } = await old.admin.query('select current_database() as name')
  template = rows[0].name
  // Nobody may be connected to a template.
  await old.admin.end()
}, 60_000)
afterAll(async () => {
  await old.drop()
  await fresh.close()
})

/** Every table of ours with what it holds, in the columns it has in `columns`. */
async function contents(admin: pg.Client, columns: ReadonlyMap<string, string[]>) {
  const found: Record<string, string[]> = {}
  for (const [table, names] of columns) {
    const list = names.map((name) => `"${name}"`).join(', ')
    const { rows } = await admin.query(
      `select row_to_json(r)::text as text from (select ${list} from patchbay.${table}) r order by 1`,
    )
    found[table] = rows.map(({ text }) => text)
  }
  return found
}

async function columnsOf(admin: pg.Client): Promise<Map<string, string[]>> {
  const { rows } = await admin.query<{ table: string; column: string }>(
    `select table_name as table, column_name as column from information_schema.columns
      join information_schema.tables using (table_schema, table_name)
      where table_schema = 'patchbay' and table_type = 'BASE TABLE' order by 1, ordinal_position`,
  )
  const kept = rows.filter(({ table, column }) => !rewritten.includes(`${table}.${column}`))
  return new Map(
    Object.entries(Object.groupBy(kept, ({ table }) => table)).map(([table, all = []]) => [
      table,
      all.map(({ column }) => column),
    ]),
  )
}

/** The schema in words: columns, constraints, indexes, policies, functions, triggers, rights. */
async function schemaOf(admin: pg.Client): Promise<string[]> {
  const { rows } = await admin.query<{ text: string }>(`
    with ours as (select * from pg_class where relnamespace = 'patchbay'::regnamespace)
    select concat_ws(' ', 'column', relname, relkind, attname, atttypid::regtype, attnotnull,
        pg_get_expr(adbin, adrelid)) as text
      from ours join pg_attribute on attrelid = ours.oid and attnum > 0 and not attisdropped
      left join pg_attrdef on adrelid = ours.oid and adnum = attnum
    union all select concat_ws(' ', 'rights', relname, relrowsecurity, relforcerowsecurity,
        (select string_agg(item::text, ',' order by item::text) from unnest(relacl) item)) from ours
    union all select concat_ws(' ', 'constraint', conrelid::regclass, conname,
        pg_get_constraintdef(oid)) from pg_constraint where connamespace = 'patchbay'::regnamespace
    union all select indexdef from pg_indexes where schemaname = 'patchbay'
    union all select concat_ws(' ', 'policy', tablename, policyname, permissive, cmd, qual,
        with_check) from pg_policies where schemaname = 'patchbay'
    union all select pg_get_functiondef(oid) from pg_proc
      where pronamespace = 'patchbay'::regnamespace
    union all select pg_get_triggerdef(t.oid) from pg_trigger t join ours on ours.oid = tgrelid
      where not tgisinternal
    order by 1`)
  return rows.map(({ text }) => text)
}

/** Starts an upgrade, and kills it once it stands behind a statement of the given migration. */
async function killAt({ url, admin }: OldDatabase, done: number): Promise<void> {
  await admin.query(`insert into public.stop_at values (${done}); select pg_advisory_lock(4711)`)
  const started = spawn(process.execPath, [child, url.reveal()], { stdio: 'ignore' })
  await until(`the upgrade stands behind migration ${done}`, 30_000, async () => {
    const { rowCount } = await admin.query(
      `select from pg_locks where locktype = 'advisory' and objid = 4711 and not granted
        and database = (select oid from pg_database where datname = current_database())`,
    )
    return rowCount === 1
  })
  started.kill('SIGKILL')
  await once(started, 'exit')
  await admin.query('select pg_advisory_unlock(4711); drop event trigger stop_there')
  await until('the killed let go', 20_000, async () => {
    const { rowCount } = await admin.query(
      `select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    )
    return rowCount === 0
  })
}

// Fails when a migration is committed by itself, or loses a row of the version before.
test(`A12: killed in the midst of ${each} migration, an upgrade leaves all as it was, then completes`, async () => {
  const whole = await addDatabase(fresh.url)
  await prepareDatabase(whole.url)
  const schema = await schemaOf(whole.admin)
  await whole.drop()
  const wrong: string[] = []
  // Behind the last one it stands in what grants the rights, right before the commit.
  const all = names.map((_name, index) => index + 1)
  const stops = all.filter((done) => fullSize || (names.length - done) % 4 === 0)
  await inParallel(stops, 3, async (done) => {
    const database = await addDatabase(fresh.url, template)
    const { admin, url } = database
    const columns = await columnsOf(admin)
    const look = async () => JSON.stringify([await schemaOf(admin), await contents(admin, columns)])
    const before = await look()
    const rows = await contents(admin, columns)
    await killAt(database, done)
    if ((await look()) !== before) wrong.push(`killed behind ${names[done - 1]}: not as before`)
    await prepareDatabase(url)
    // The list of migrations has grown, of course.
    const { migration: _, ...kept } = rows
    const { migration, ...after } = await contents(admin, columns)
    expect(migration).toHaveLength(names.length)
    expect({ done, after }).toEqual({ done, after: kept })
    if (`${await schemaOf(admin)}` !== `${schema}`) wrong.push(`${done}: another schema`)
    await database.drop()
  })
  expect(wrong).toEqual([])
  figure('migrations killed half-way', stops.length, `= ${fullSize ? names.length : stops.length}`)
  figure('differences in data', wrong.length, '= 0')
}, 120_000)
