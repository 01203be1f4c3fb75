import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import pg from 'pg'
import { AppError } from '../core/errors.ts'
import { Sealed } from '../core/secret.ts'
import { asStoreError } from './errors.ts'
import { prepareJobs } from './jobs/schema.ts'

const migrationsFolder = new URL('./migrations/', import.meta.url)
const lowestVersion = 150_000
const rolesAttemptsMax = 10
/** Any number, the same in every process: the lock under which the schema is brought up to date. */
const migrationLock = 7_094_123

/**
 * Brings a database up to date and returns the address under which the application connects.
 * `ownerUrl` is a role that may create roles and create in this database; from then on only its
 * migrations run as `patchbay_owner`, and everything else as `patchbay_app`, which owns nothing
 * and is held by row-level security. Safe to run from many processes at once. `upTo`: the
 * migrations to run and no others, for a backup made when there were no more.
 */
export async function prepareDatabase(ownerUrl: Sealed, upTo?: readonly string[]): Promise<Sealed> {
  const appUrl = appUrlOf(ownerUrl)
  const client = new pg.Client({ connectionString: ownerUrl.reveal() })
  client.on('error', () => {})
  try {
    await client.connect()
    await requireVersion(client)
    await makeRoles(client, appUrl)
    await migrate(client, upTo)
    await prepareJobs(client)
    await requireHarmlessRole(client)
  } catch (error) {
    throw asStoreError(error)
  } finally {
    await client.end().catch(() => {})
  }
  return appUrl
}

/**
 * The application's password follows from the owner's, so that every process with the same
 * address knows it and none has to store it.
 */
function appUrlOf(ownerUrl: Sealed): Sealed {
  const { url, password } = parseUrl(ownerUrl)
  if (password === '') {
    throw new AppError(
      'bad-input',
      'DATABASE_URL holds no password. Patchbay derives the password of its own role patchbay_app from it; give the user of DATABASE_URL one.',
    )
  }
  url.username = 'patchbay_app'
  url.password = createHmac('sha256', password).update('patchbay_app').digest('base64url')
  return new Sealed(url.href)
}

/** Without a cause: the errors of URL and decodeURIComponent would show the password. */
function parseUrl(sealed: Sealed): { url: URL; password: string } {
  try {
    const url = new URL(sealed.reveal())
    return { url, password: decodeURIComponent(url.password) }
  } catch {
    throw new AppError(
      'bad-input',
      'DATABASE_URL is not an address of the form postgres://user:password@host:5432/database. Characters such as % @ / in the password are written %25 %40 %2F.',
    )
  }
}

async function requireVersion(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ number: number; text: string }>(
    `select current_setting('server_version_num')::int as number,
            current_setting('server_version') as text`,
  )
  const found = rows[0]
  if (found === undefined || found.number < lowestVersion) {
    throw new AppError(
      'unavailable',
      `Patchbay needs PostgreSQL 15 or newer; the server of DATABASE_URL is ${found?.text ?? 'unknown'}. Nothing was changed there.`,
    )
  }
}

/**
 * Each statement changes only what is missing: a second start writes nothing here. `set role` needs
 * membership, which PostgreSQL 16 and newer do not give to the maker of a role by itself.
 */
const rolesSql = `do $$ begin
  if to_regrole('patchbay_owner') is null then create role patchbay_owner nologin; end if;
  if to_regrole('patchbay_app') is null then create role patchbay_app login; end if;
  if not pg_has_role('patchbay_owner', 'member') then grant patchbay_owner to current_user; end if;
  if not has_database_privilege('patchbay_owner', current_database(), 'create') then
    execute format('grant create on database %I to patchbay_owner', current_database());
  end if;
  if not has_database_privilege('patchbay_app', current_database(), 'connect, temporary') then
    execute format('grant connect, temporary on database %I to patchbay_app', current_database());
  end if;
end $$`

/**
 * Roles belong to the whole server while advisory locks belong to one database, so starters in
 * different databases may meet here: PostgreSQL then refuses one of them, which looks again.
 */
async function makeRoles(client: pg.Client, appUrl: Sealed): Promise<void> {
  for (let attempt = 0; attempt < rolesAttemptsMax; attempt++) {
    try {
      await client.query(rolesSql)
      if (await maySignIn(appUrl)) return
      // The verifier instead of the password: statements may be logged there.
      const verifier = scramVerifier(parseUrl(appUrl).password)
      await client.query(`alter role patchbay_app login password '${verifier}'`)
    } catch (error) {
      if (!isRaceOfStarters(error)) throw explainRefusal(error)
    }
  }
  throw new AppError(
    'unavailable',
    'The role patchbay_app may not sign in to the database. Check that pg_hba.conf lets it use a password (scram-sha-256) from here.',
  )
}

async function maySignIn(appUrl: Sealed): Promise<boolean> {
  const client = new pg.Client({ connectionString: appUrl.reveal() })
  client.on('error', () => {})
  try {
    await client.connect()
    return true
  } catch (error) {
    const state = error instanceof pg.DatabaseError ? (error.code ?? '') : ''
    // 28: no such role, or another password; 42501: no right to connect to this database.
    if (state.startsWith('28') || state === '42501') return false
    throw error
  } finally {
    await client.end().catch(() => {})
  }
}

function isRaceOfStarters(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return false
  return (
    error.code === '23505' ||
    error.code === '42710' ||
    (error.code === 'XX000' && error.message.startsWith('tuple concurrently'))
  )
}

function explainRefusal(error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError) || error.code !== '42501') return error
  return new AppError(
    'unavailable',
    `The user of DATABASE_URL may not prepare the database (${error.message}). It needs CREATEROLE and must own the database; nothing was changed.`,
    { cause: error },
  )
}

/** What PostgreSQL stores for a password (RFC 5803, with SCRAM-SHA-256). */
function scramVerifier(password: string): string {
  const salt = randomBytes(16)
  const iterations = 4096
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256')
  const clientKey = createHmac('sha256', salted).update('Client Key').digest()
  const storedKey = createHash('sha256').update(clientKey).digest('base64')
  const serverKey = createHmac('sha256', salted).update('Server Key').digest('base64')
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`
}

/**
 * Runs the files of `migrations/` that did not run yet, in the order of their names, all in one
 * transaction: forward only, and either all of them or none.
 */
async function migrate(client: pg.Client, upTo?: readonly string[]): Promise<void> {
  const names = (await readdir(migrationsFolder)).filter((name) => name.endsWith('.sql')).sort()
  await client.query('begin')
  try {
    await client.query('select pg_advisory_xact_lock($1)', [migrationLock])
    await client.query('create schema if not exists patchbay authorization patchbay_owner')
    await client.query('set local role patchbay_owner')
    await client.query('set local search_path = patchbay')
    await client.query(
      'create table if not exists migration (name text primary key, applied_at timestamptz not null default now())',
    )
    const { rows } = await client.query<{ name: string }>('select name from migration')
    const applied = new Set(rows.map((row) => row.name))
    requireKnown(new Set([...applied, ...(upTo ?? [])]), names)
    const wanted = names.filter((name) => !applied.has(name) && (upTo?.includes(name) ?? true))
    for (const name of wanted) {
      await client.query(await readFile(new URL(name, migrationsFolder), 'utf8'))
      await client.query('insert into migration (name) values ($1)', [name])
    }
    await client.query('grant usage on schema patchbay to patchbay_app')
    await client.query('revoke all on migration from patchbay_app')
    await client.query('commit')
  } catch (error) {
    await client.query('rollback').catch(() => {})
    throw explainRefusal(error)
  }
}

function requireKnown(applied: Set<string>, names: readonly string[]): void {
  const unknown = [...applied].find((name) => !names.includes(name))
  if (unknown === undefined) return
  throw new AppError(
    'unavailable',
    `The database was brought to ${unknown} by a newer Patchbay, which this one does not know. Nothing was changed; install the newer version.`,
  )
}

/** Row-level security binds neither superusers nor BYPASSRLS nor members of the owner. */
async function requireHarmlessRole(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ harmless: boolean }>(
    `select not (rolsuper or rolbypassrls or rolcreaterole or pg_has_role(oid, 'patchbay_owner', 'member'))
            as harmless from pg_roles where rolname = 'patchbay_app'`,
  )
  if (rows[0]?.harmless === true) return
  throw new AppError(
    'unavailable',
    'The role patchbay_app has rights that go around row-level security (superuser, BYPASSRLS, CREATEROLE or membership in patchbay_owner). Take them away, then start again.',
  )
}
