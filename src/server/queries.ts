import { sql } from 'kysely'
import type { Grant, Permission } from '../core/actor.ts'
import type { Database } from '../store/database.ts'
import { asStoreError } from '../store/errors.ts'
import type { Tx } from '../store/scope.ts'
import { onceCreated } from '../store/times.ts'

/** A person as they are now, with what their roles allow (function of migration 0024). */
export interface PersonRow {
  person: string
  disabledAt: Date | null
  grants: Grant[]
}
type NoPerson = { [Column in keyof PersonRow]: null }
const personColumns = 'p.name as person, p.disabled_at as "disabledAt", p.grants'

export type TokenRow = {
  id: number
  name: string
  scope: string
  permissions: Permission[] | null
  /** Its owner; null where it has none. */
  personId: number | null
  usedAt: Date | null
} & (PersonRow | NoPerson)

/**
 * The token with this hash or id, unless it has ended. The index finds it by the whole hash, so the
 * time it takes tells nothing of how much of a guess was right.
 */
export async function selectToken(
  db: Database,
  by: { hash: Buffer } | { id: number },
  now: Date,
): Promise<TokenRow | undefined> {
  const [column, value] = 'id' in by ? ['id', by.id] : ['hash', by.hash]
  return await selectOne<TokenRow>(db, {
    name: `token by ${column}`,
    text: `
      select t.id, t.name, t.scope, t.permissions, t.person_id as "personId",
             t.last_used_at as "usedAt", ${personColumns}
        from access_token t left join person_now(t.person_id) p on t.person_id is not null
       where t.${column} = $1 and t.ended_at is null
         and (t.expires_at is null or t.expires_at > $2)`,
    values: [value, now],
  })
}

export interface SessionRow extends PersonRow {
  id: number
  personId: number
  seenAt: Date
}

/** The session with this hash, unless it has ended or nobody used it for long. */
export async function selectSession(
  db: Database,
  hash: Buffer,
  now: Date,
): Promise<SessionRow | undefined> {
  return await selectOne<SessionRow>(db, {
    name: 'session by hash',
    text: `
      select s.id, s.person_id as "personId", s.seen_at as "seenAt", ${personColumns}
        from session s cross join person_now(s.person_id) p
       where s.hash = $1 and s.ended_at is null and s.idle_ends_at > $2 and s.ends_at > $2`,
    values: [hash, now],
  })
}

export async function selectPerson(db: Database, id: number): Promise<PersonRow | undefined> {
  const text = `select ${personColumns} from person_now($1) p`
  return await selectOne<PersonRow>(db, { name: 'person by id', text, values: [id] })
}

/** One statement outside of any transaction, planned once for each connection: see findActor. */
async function selectOne<Row extends object>(
  db: Database,
  statement: { name: string; text: string; values: unknown[] },
): Promise<Row | undefined> {
  try {
    const { rows } = await db.pool.query<Row>(statement)
    return rows[0]
  } catch (error) {
    throw asStoreError(error)
  }
}

export async function updateUsed(tx: Tx, id: number, now: Date): Promise<void> {
  const used = { last_used_at: onceCreated(now) }
  await tx.updateTable('access_token').set(used).where('id', '=', id).execute()
}

export async function updateSeen(tx: Tx, id: number, now: Date, idleEndsAt: Date): Promise<void> {
  await tx
    .updateTable('session')
    .set({ seen_at: now, idle_ends_at: idleEndsAt })
    .where('id', '=', id)
    .execute()
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
