import { readdir } from 'node:fs/promises'
import pg from 'pg'
import { limits } from '../core/limits.ts'
import type { Sealed } from '../core/secret.ts'

/** What a database is like, looked at without changing anything. */
export interface DatabaseFindings {
  /** Such as 18.4. */
  version: string
  /** Whether that is one Patchbay runs on. */
  newEnough: boolean
  mayCreateRoles: boolean
  mayCreateInDatabase: boolean
  /** Migrations the schema still lacks; undefined where there is none, or none to look at. */
  pending: number | undefined
  /** The database's clock minus ours. */
  clockAheadMs: number
}

/** As `prepareDatabase` will sign in: the user of DATABASE_URL. Throws what the driver says. */
export async function inspectDatabase(url: Sealed, now: () => number): Promise<DatabaseFindings> {
  const client = new pg.Client({
    ...{ connectionString: url.reveal(), application_name: 'patchbay doctor' },
    ...{ connectionTimeoutMillis: limits.poolWaitMs, query_timeout: limits.poolWaitMs },
  })
  client.on('error', () => {})
  try {
    await client.connect()
    const before = now()
    const { rows } = await client.query<DatabaseFindings & { at: number; schema: boolean }>(`
      select current_setting('server_version') as version,
        current_setting('server_version_num')::int >= 150000 as "newEnough",
        (own.rolsuper or own.rolcreaterole) as "mayCreateRoles",
        has_database_privilege(current_database(), 'create') as "mayCreateInDatabase",
        (extract(epoch from clock_timestamp()) * 1000)::float8 as at,
        exists (select from pg_tables where schemaname = 'patchbay' and tablename = 'migration')
          and exists (select from pg_roles as owner where owner.rolname = 'patchbay_owner'
            and pg_has_role(owner.oid, 'member')) as schema
      from pg_roles as own where own.rolname = current_user`)
    const middle = (before + now()) / 2
    const [found] = rows
    if (found === undefined) throw new Error('the user is not among the roles')
    const { at, schema, ...findings } = found
    const pending = schema ? await countPending(client) : undefined
    return { ...findings, pending, clockAheadMs: at - middle }
  } finally {
    await client.end().catch(() => {})
  }
}

async function countPending(client: pg.Client): Promise<number> {
  const folder = new URL('./migrations/', import.meta.url)
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sql'))
  await client.query('set role patchbay_owner')
  const { rows } = await client.query<{ name: string }>('select name from patchbay.migration')
  const done = new Set(rows.map(({ name }) => name))
  return files.filter((name) => !done.has(name)).length
}
