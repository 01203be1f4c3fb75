import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { AppError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import type { Sealed } from '../core/secret.ts'
import type { Log } from './log.ts'
import { prepareDatabase } from './prepare.ts'
import type { Tables } from './tables/tables.ts'

export interface DatabaseOptions {
  /**
   * Of a user that may create roles and owns the database: `postgres://user:password@host/name`.
   */
  url: Sealed
  /** What `pg_stat_activity` shows, such as `patchbay serve`. */
  name: string
  log: Log
  /** How many connections, and how long one is waited for; see limits. */
  poolMax?: number
  poolWaitMs?: number
}

/**
 * The database as the application sees it. `kysely` runs outside of any scope: row-level security
 * then shows no row of a node's table, so it serves `access_token`, `model` and `worker` only;
 * everything else goes through `inScope`.
 */
export interface Database {
  kysely: Kysely<Tables>
  pool: pg.Pool
  /** The application's own address, for connections that a pool cannot give (LISTEN, jobs). */
  url: Sealed
  log: Log
  close(): Promise<void>
}

/**
 * One statement keeps to one core: several at once would make a page some milliseconds shorter for
 * whoever asks alone, and longer for everybody who asks at the same time.
 */
export const sessionOptions =
  '-c search_path=patchbay -c timezone=UTC -c max_parallel_workers_per_gather=0'

/** Brings the schema up to date (see prepareDatabase) and opens a pool as `patchbay_app`. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const url = await prepareDatabase(options.url)
  const pool = new pg.Pool({
    connectionString: url.reveal(),
    application_name: options.name,
    max: options.poolMax ?? limits.poolMax,
    connectionTimeoutMillis: options.poolWaitMs ?? limits.poolWaitMs,
    statement_timeout: limits.statementMs,
    // For a server that has gone silent: it cannot time out its own statement.
    query_timeout: limits.statementMs + limits.poolWaitMs,
    lock_timeout: limits.lockWaitMs,
    idle_in_transaction_session_timeout: limits.idleInTransactionMs,
    options: sessionOptions,
    types: { getTypeParser },
  })
  // Kysely lends connections without listening to them, and an error nobody hears ends the process.
  pool.on('connect', (client) => client.on('error', () => {}))
  // A connection that breaks while idle is dropped by the pool; the next query gets a new one.
  pool.on('error', (error) =>
    options.log.warn({ error: error.message }, 'database connection lost'),
  )
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  // Not kysely.destroy(): one that was never used has not noticed its pool and leaves it open.
  const close = async () => {
    if (!pool.ending) await pool.end()
  }
  return { kysely, pool, url, log: options.log, close }
}

/** OIDs of types whose values the driver would give as text, or change. */
const int8 = 20
const int8Array = 1016
const date = 1082

/** For this pool only: the driver's own table is global, and the job engine shares the driver. */
const getTypeParser: typeof pg.types.getTypeParser = (oid, format) => {
  if (format === 'binary') return pg.types.getTypeParser(oid, format)
  const type: number = oid
  if (type === int8) return toNumber
  if (type === int8Array) return toNumbers
  // A calendar date has no time zone; the driver would make it a moment in that of our process.
  if (type === date) return (text: string) => text
  return pg.types.getTypeParser(oid, format)
}

function toNumber(text: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number)) return number
  throw new AppError('internal', `The database holds a number beyond 2^53 (${text}).`)
}

/** `{1,2,3}`: arrays of ids have one dimension and no nulls. */
function toNumbers(text: string): number[] {
  return text === '{}' ? [] : text.slice(1, -1).split(',').map(toNumber)
}
