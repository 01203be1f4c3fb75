import { sql } from 'kysely'
import type { Permission } from '../core/actor.ts'
import type { Tx } from '../store/scope.ts'

export interface PersonRow {
  id: number
  name: string
  disabledAt: Date | null
}

export interface TokenRow {
  id: number
  name: string
  scope: string
  permissions: Permission[] | null
  personId: number | null
  usedAt: Date | null
  /** Its owner; undefined where it has none. */
  person: PersonRow | undefined
}

/**
 * The token with this hash or id, unless it has ended. The index finds it by the whole hash, so the
 * time it takes tells nothing of how much of a guess was right.
 */
export async function selectToken(
  tx: Tx,
  by: { hash: Buffer } | { id: number },
  now: Date,
): Promise<TokenRow | undefined> {
  const query = tx
    .selectFrom('access_token as token')
    .leftJoin('person', 'person.id', 'token.person_id')
    .select(['token.id', 'token.name', 'token.scope', 'token.permissions'])
    .select(['token.person_id as personId', 'token.last_used_at as usedAt'])
    .select(['person.name as owner', 'person.disabled_at as disabledAt'])
    .where('token.ended_at', 'is', null)
    .where((row) =>
      row.or([row('token.expires_at', 'is', null), row('token.expires_at', '>', now)]),
    )
  const found = await ('id' in by
    ? query.where('token.id', '=', by.id)
    : query.where('token.hash', '=', by.hash)
  ).executeTakeFirst()
  if (found === undefined) return undefined
  const { owner, disabledAt, ...token } = found
  const person =
    token.personId === null || owner === null
      ? undefined
      : { id: token.personId, name: owner, disabledAt }
  return { ...token, person }
}

export async function updateUsed(tx: Tx, id: number, now: Date): Promise<void> {
  await tx.updateTable('access_token').set({ last_used_at: now }).where('id', '=', id).execute()
}

export interface SessionRow {
  id: number
  seenAt: Date
  person: PersonRow
}

/** The session with this hash, unless it has ended or nobody used it for long. */
export async function selectSession(
  tx: Tx,
  hash: Buffer,
  now: Date,
): Promise<SessionRow | undefined> {
  const found = await tx
    .selectFrom('session')
    .innerJoin('person', 'person.id', 'session.person_id')
    .select(['session.id', 'session.seen_at as seenAt', 'person.id as personId'])
    .select(['person.name', 'person.disabled_at as disabledAt'])
    .where('session.hash', '=', hash)
    .where('session.ended_at', 'is', null)
    .where('session.idle_ends_at', '>', now)
    .where('session.ends_at', '>', now)
    .executeTakeFirst()
  if (found === undefined) return undefined
  const { personId, name, disabledAt, ...session } = found
  return { ...session, person: { id: personId, name, disabledAt } }
}

export async function updateSeen(tx: Tx, id: number, now: Date, idleEndsAt: Date): Promise<void> {
  await tx
    .updateTable('session')
    .set({ seen_at: now, idle_ends_at: idleEndsAt })
    .where('id', '=', id)
    .execute()
}

export async function selectPerson(tx: Tx, id: number): Promise<PersonRow | undefined> {
  return await tx
    .selectFrom('person')
    .select(['id', 'name', 'disabled_at as disabledAt'])
    .where('id', '=', id)
    .executeTakeFirst()
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
