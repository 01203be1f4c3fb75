import {
  type Compilable,
  Kysely,
  PostgresDialect,
  type PostgresPoolClient,
  type Transaction,
} from 'kysely'
import type pg from 'pg'
import { AppError } from '../core/errors.ts'
import { scopeEnd } from '../core/hierarchy.ts'
import type { Database } from './database.ts'
import { asStoreError } from './errors.ts'
import type { Tables } from './tables/tables.ts'

/**
 * A transaction within a scope. Kysely's, with the driver's own connection beside it for statements
 * that the connection keeps prepared. One query at a time: the connection is one.
 */
export type Tx = Transaction<Tables> & { readonly client: pg.PoolClient }

/** Paths of nodes, such as `1.4.`: what lies at and below any of them. None: nothing. */
export type Scope = string | readonly string[]

const scopePattern = /^(?:[0-9]+\.)+$/

/**
 * Runs `work` in one transaction that sees and writes only rows within `scope`. Commits when `work`
 * returns, rolls back when it throws. Errors of the database come out as AppError `unavailable` or
 * `conflict`; other errors as they were thrown.
 */
export async function inScope<T>(
  db: Database,
  scope: Scope,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const paths = typeof scope === 'string' ? [scope] : scope
  if (!paths.every((path) => scopePattern.test(path))) {
    throw new AppError('internal', 'A transaction was begun with a scope that is not a node path.')
  }
  try {
    const client = await db.pool.connect()
    return await runAndRelease(client, scopeSettings(paths), work)
  } catch (error) {
    throw asStoreError(error)
  }
}

async function runAndRelease<T>(
  client: pg.PoolClient,
  settings: string,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const pool = {
    connect: async () => soleClient(client, settings),
    end: async () => {},
    options: {},
  }
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  try {
    return await kysely
      .transaction()
      .execute((transaction) => work(Object.assign(transaction, { client })))
  } finally {
    // Only a connection that is idle for certain goes back; any other might carry the scope on.
    client.release(client.getTransactionStatus() !== 'I')
  }
}

/**
 * Runs a statement that the connection keeps parsed and planned under `name`, which is that of one
 * text alone. For what nearly every write does: both were more than half of its cost. Not for
 * lists, whose best plan hangs on the values, nor for what reads tables that were just filled.
 */
export async function runPrepared<Row>(
  { client }: Tx,
  name: string,
  query: Compilable<Row>,
): Promise<Row[]> {
  const { sql: text, parameters } = query.compile()
  const { rows } = await client.query<Row & object>({ name, text, values: [...parameters] })
  return rows
}

/**
 * One path is a range of its own; several are the range that covers them, and a list beside it
 * (the policy `listed`). They become text: they are digits and dots (see scopePattern).
 */
function scopeSettings(paths: readonly string[]): string {
  const [first] = [...paths].sort()
  const end = paths.map(scopeEnd).sort().at(-1)
  if (first === undefined || end === undefined) return ''
  const range = `set local patchbay.scope = '${first}'; set local patchbay.scope_end = '${end}'`
  return paths.length === 1 ? range : `${range}; set local patchbay.scopes = '${paths.join(',')}'`
}

/**
 * The connection as Kysely's pool would lend it: giving it back is ours to do. The scope travels
 * with `begin`: a message of its own would be one of the nine that a small write costs.
 */
function soleClient(client: pg.PoolClient, settings: string): PostgresPoolClient {
  const begin = `begin; ${settings}`
  // pg declares many overloads of query, Kysely the one it uses; TypeScript cannot pick it.
  const query = client.query.bind(client) as PostgresPoolClient['query']
  return {
    query: new Proxy(query, {
      apply: (target, self, [text, ...rest]) =>
        Reflect.apply(target, self, [text === 'begin' ? begin : text, ...rest]),
    }),
    release: () => {},
  }
}
