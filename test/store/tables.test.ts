import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type FreshDatabase, freshDatabase } from './testing.ts'

let fresh: FreshDatabase

beforeAll(async () => {
  fresh = await freshDatabase()
})
afterAll(() => fresh.close())

const typeOf: Record<string, string> = {
  ...{ bigint: 'number', integer: 'number', smallint: 'number', text: 'text', uuid: 'text' },
  ...{ boolean: 'boolean', bytea: 'Buffer', 'timestamp with time zone': 'Date', jsonb: 'Jsonb' },
  json: 'JsonText',
  ...{ xid8: 'text', 'bigint[]': 'number[]', 'text[]': '(string | null)[]' },
}

/** `Generated<Date | null>` as what the database says of such a column. */
function kindOf(declared: string): string {
  const given = /^Generated(Always)?<(.*)>$/.exec(declared)
  const inner = given?.[2] ?? declared
  const type = /^(Jsonb|JsonText)(?=<)/.exec(inner)?.[0] ?? inner.replace(/ \| null$/, '')
  const nullable = /(\| null|, null>)$/.test(inner)
  const base = Object.values(typeOf).includes(type) ? type : 'text'
  return [base, nullable ? 'null' : '', given ? 'given' : ''].join(' ')
}

function declaredTables(): Record<string, Record<string, string>> {
  const folder = new URL('../../src/store/tables/', import.meta.url)
  const files = readdirSync(folder).map((file) => readFileSync(new URL(file, folder), 'utf8'))
  const source = files.join('\n')
  const flat = source
    .replace(/\n\s+\| '/g, " | '")
    .replace(/<\n\s+/g, '<')
    .replace(/\n\s+>/g, '>')
  const bodies = new Map(
    [...flat.matchAll(/interface (\w+) \{\n(.*?)\n\}/gs)].map(([, name = '', body = '']) => [
      name,
      body,
    ]),
  )
  const linesOf = (name: string) =>
    [...(bodies.get(name) ?? '').matchAll(/^ {2}(\w+): *(.+)$/gm)].map(
      ([, key = '', text = '']) => [key, text],
    )
  return Object.fromEntries(
    linesOf('Tables').map(([table, name = '']) => [
      table,
      Object.fromEntries(linesOf(name).map(([column, text = '']) => [column, kindOf(text)])),
    ]),
  )
}

test('the declared tables are those of the database, column for column', async () => {
  const { rows } = await fresh.db.pool.query<Record<'table' | 'column' | 'type' | 'rest', string>>(
    `select c.relname as table, a.attname as column, format_type(a.atttypid, null) as type,
            concat(' ', case when not a.attnotnull then 'null' end, ' ',
                   case when a.atthasdef or a.attidentity <> '' then 'given' end) as rest
       from pg_attribute a join pg_class c on c.oid = a.attrelid
      where c.relnamespace = 'patchbay'::regnamespace and a.attnum > 0 and not a.attisdropped
        and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> 'migration'`,
  )
  const found: Record<string, Record<string, string>> = {}
  for (const row of rows) {
    found[row.table] ??= {}
    Object.assign(found[row.table] ?? {}, { [row.column]: `${typeOf[row.type]}${row.rest}` })
  }
  expect(declaredTables()).toEqual(found)
})

test('the application may read every table, whichever migration made it', async () => {
  for (const table of Object.keys(declaredTables())) {
    await fresh.db.pool.query(`select from ${table} limit 0`)
  }
})
