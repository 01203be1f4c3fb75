import { sql } from 'kysely'
import type { Database } from '../store/database.ts'
import { asStoreError } from '../store/errors.ts'
import type { Tx } from '../store/scope.ts'

export interface TokenRow {
  id: number
  name: string
  scope: string
}

/**
 * The token with this hash, unless it has ended. The index finds it by the whole hash, so the time
 * it takes tells nothing of how much of a guess was right.
 */
export async function selectToken(db: Database, hash: Buffer): Promise<TokenRow | undefined> {
  return await first(validTokens(db).where('hash', '=', hash))
}

/** The token with this id, unless it has ended. */
export async function selectTokenById(db: Database, id: number): Promise<TokenRow | undefined> {
  return await first(validTokens(db).where('id', '=', id))
}

function validTokens(db: Database) {
  return db.kysely
    .selectFrom('access_token')
    .select(['id', 'name', 'scope'])
    .where((row) =>
      row.or([row('expires_at', 'is', null), row('expires_at', '>', sql<Date>`now()`)]),
    )
}

/** Outside of inScope, which would word the database's own failures. */
async function first(query: ReturnType<typeof validTokens>): Promise<TokenRow | undefined> {
  return await query.executeTakeFirst().catch((error: unknown) => {
    throw asStoreError(error)
  })
}

export async function anyToken(tx: Tx): Promise<boolean> {
  const row = await tx.selectFrom('access_token').select('id').limit(1).executeTakeFirst()
  return row !== undefined
}

export async function insertToken(
  tx: Tx,
  token: { name: string; scope: string; hash: Buffer },
): Promise<void> {
  await tx.insertInto('access_token').values(token).execute()
}

/** Any number, the same in every process: of several first starts one makes the administrator. */
const firstStartLock = 7_094_124

export async function lockFirstStart(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(${firstStartLock})`.execute(tx)
}
