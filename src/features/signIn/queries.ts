import { sql } from 'kysely'
import type { JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { Tx } from '../../store/scope.ts'
import type { OneTimeSecretTable } from '../../store/tables/people.ts'
import { toJsonb } from '../../store/text.ts'
import { onceCreated } from '../../store/times.ts'

export interface PersonRow {
  id: number
  nodePath: string
  login: string
  name: string
  passwordHash: string | null
  disabledAt: Date | null
}

const personColumns = [
  ...(['id', 'node_path as nodePath', 'login', 'name'] as const),
  ...(['password_hash as passwordHash', 'disabled_at as disabledAt'] as const),
] as const

export async function selectPersonByLogin(tx: Tx, login: string): Promise<PersonRow | undefined> {
  return await tx
    .selectFrom('person')
    .select(personColumns)
    .where(sql`lower(login)`, '=', login.toLowerCase())
    .executeTakeFirst()
}

export async function selectPersonById(tx: Tx, id: number): Promise<PersonRow | undefined> {
  return await tx.selectFrom('person').select(personColumns).where('id', '=', id).executeTakeFirst()
}

export async function selectPersonByIdentity(
  tx: Tx,
  { issuer, subject }: { issuer: string; subject: string },
): Promise<PersonRow | undefined> {
  return await tx
    .selectFrom('person')
    .select(personColumns)
    .where('oidc_issuer', '=', issuer)
    .where('oidc_subject', '=', subject)
    .executeTakeFirst()
}

/** Who may be the one an issuer speaks of: nobody vouches for them yet. Two are one too many. */
export async function selectUnlinked(
  tx: Tx,
  by: 'email' | 'login',
  value: string,
): Promise<PersonRow[]> {
  const column = by === 'email' ? sql`lower(email)` : sql`lower(login)`
  return await tx
    .selectFrom('person')
    .select(personColumns)
    .where(column, '=', value.toLowerCase())
    .where('oidc_issuer', 'is', null)
    .limit(2)
    .execute()
}

export async function updateIdentity(
  tx: Tx,
  id: number,
  { issuer, subject }: { issuer: string; subject: string },
): Promise<void> {
  await tx
    .updateTable('person')
    .set({ oidc_issuer: issuer, oidc_subject: subject })
    .where('id', '=', id)
    .execute()
}

export async function updatePassword(tx: Tx, id: number, hash: string): Promise<void> {
  await tx.updateTable('person').set({ password_hash: hash }).where('id', '=', id).execute()
}

export async function insertSession(
  tx: Tx,
  session: { personId: number; hash: Buffer; idleEndsAt: Date; endsAt: Date; now: Date },
): Promise<void> {
  await tx
    .insertInto('session')
    .values({
      ...{ person_id: session.personId, hash: session.hash },
      ...{ created_at: session.now, seen_at: session.now },
      ...{ idle_ends_at: session.idleEndsAt, ends_at: session.endsAt },
    })
    .execute()
}

/** Long over: who signed in when is on record in the audit. */
export async function deleteOldSessions(tx: Tx, before: Date): Promise<void> {
  await tx.deleteFrom('session').where('ends_at', '<', before).execute()
}

/** Ends those of a person, all or one. Answers how many went. */
export async function endSessions(
  tx: Tx,
  of: { personId: number; keep?: Buffer | undefined } | { hash: Buffer },
  now: Date,
): Promise<number> {
  let query = tx
    .updateTable('session')
    .set({ ended_at: onceCreated(now) })
    .where('ended_at', 'is', null)
  if ('hash' in of) query = query.where('hash', '=', of.hash)
  else {
    query = query.where('person_id', '=', of.personId)
    if (of.keep) query = query.where('hash', '<>', of.keep)
  }
  const { numUpdatedRows } = await query.executeTakeFirst()
  return Number(numUpdatedRows)
}

/** Ends all access tokens of a person. */
export async function endTokens(tx: Tx, personId: number, now: Date): Promise<void> {
  await tx
    .updateTable('access_token')
    .set({ ended_at: onceCreated(now) })
    .where('person_id', '=', personId)
    .where('ended_at', 'is', null)
    .execute()
}

/** Answers whether it was not there before. */
export async function insertOneTime(
  tx: Tx,
  row: {
    hash: Buffer
    purpose: OneTimeSecretTable['purpose']
    personId?: number | undefined
    detail: JsonObject
    expiresAt: Date
  },
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('one_time_secret')
    .values({
      ...{ hash: row.hash, purpose: row.purpose, person_id: row.personId ?? null },
      ...{ detail: toJsonb(row.detail), expires_at: row.expiresAt },
    })
    .onConflict((on) => on.column('hash').doNothing())
    .executeTakeFirst()
  return Number(numInsertedOrUpdatedRows) > 0
}

export interface OneTime {
  personId: number | null
  detail: JsonObject
}

/** Takes it away and answers what it held: of two who come with it at once, one gets it. */
export async function takeOneTime(
  tx: Tx,
  purpose: OneTimeSecretTable['purpose'],
  hash: Buffer,
  now: Date,
): Promise<OneTime | undefined> {
  const row = await tx
    .deleteFrom('one_time_secret')
    .where('hash', '=', hash)
    .where('purpose', '=', purpose)
    .returning(['person_id as personId', 'detail', 'expires_at as expiresAt'])
    .executeTakeFirst()
  return row && row.expiresAt > now ? row : undefined
}

/** What it holds, without using it. */
export async function selectOneTime(
  tx: Tx,
  purpose: OneTimeSecretTable['purpose'],
  hash: Buffer,
  now: Date,
): Promise<OneTime | undefined> {
  return await tx
    .selectFrom('one_time_secret')
    .select(['person_id as personId', 'detail'])
    .where('hash', '=', hash)
    .where('purpose', '=', purpose)
    .where('expires_at', '>', now)
    .executeTakeFirst()
}

export async function deleteInvitations(tx: Tx, personId: number): Promise<void> {
  await tx
    .deleteFrom('one_time_secret')
    .where('purpose', '=', 'invitation')
    .where('person_id', '=', personId)
    .execute()
}

/** Old ones go as new ones come: what strangers begin must not pile up. */
export async function deleteExpired(tx: Tx, now: Date): Promise<void> {
  await tx.deleteFrom('one_time_secret').where('expires_at', '<', now).execute()
}

/** The person whose device it is, if they used it within the time devices are known. */
export async function selectDevice(tx: Tx, hash: Buffer, since: Date): Promise<number | undefined> {
  const row = await tx
    .selectFrom('known_device')
    .select('person_id')
    .where('hash', '=', hash)
    .where('seen_at', '>', since)
    .executeTakeFirst()
  return row?.person_id
}

/** Those nobody came back with for so long; and the one whose place another takes. */
export async function deleteDevice(tx: Tx, old: Buffer | undefined, before: Date): Promise<void> {
  await tx
    .deleteFrom('known_device')
    .where((row) => row.or([row('seen_at', '<', before), ...(old ? [row('hash', '=', old)] : [])]))
    .execute()
}

export async function insertDevice(
  tx: Tx,
  { hash, personId, now }: { hash: Buffer; personId: number; now: Date },
): Promise<void> {
  await tx.insertInto('known_device').values({ hash, person_id: personId, seen_at: now }).execute()
}

export async function deleteDevices(tx: Tx, personId: number): Promise<void> {
  await tx.deleteFrom('known_device').where('person_id', '=', personId).execute()
}

/**
 * Counts an attempt as failed before it is judged, so that a thousand at the same moment count as a
 * thousand. Answers how many there are, or when the place is open again, if it is closed: then
 * nothing is counted.
 */
export async function countAttempt(
  tx: Tx,
  key: Buffer,
  free: number,
  now: Date,
): Promise<{ failures: number } | { openAt: Date }> {
  const forgotten = new Date(now.getTime() - limits.signInForgetMs)
  const { signInDelayMs: first, signInDelayMaxMs: most } = limits
  // Beyond 2^20 the longest delay has long been reached, and power() must not overflow.
  const { rows } = await sql<{ failures: number }>`
    insert into sign_in_failure as f (key, failures, failed_at, open_at)
    values (${key}, 1, ${now}, ${now})
    on conflict (key) do update set
      failures = case when f.failed_at < ${forgotten} then 1 else f.failures + 1 end,
      failed_at = ${now},
      open_at = ${now}::timestamptz + make_interval(secs => case
        when f.failed_at < ${forgotten} or f.failures < ${free} then 0
        else least(${most}::float8, ${first}::float8 * power(2, least(20, f.failures - ${free})))
      end / 1000)
    where f.open_at <= ${now}
    returning failures`.execute(tx)
  const [counted] = rows
  if (counted !== undefined) return counted
  const row = await tx
    .selectFrom('sign_in_failure')
    .select('open_at')
    .where('key', '=', key)
    .executeTakeFirst()
  return { openAt: row?.open_at ?? now }
}

/** The right password was no failure: where it was given nothing counts any more. */
export async function forgetFailures(tx: Tx, key: Buffer): Promise<void> {
  await tx.deleteFrom('sign_in_failure').where('key', '=', key).execute()
}

export async function uncountAttempt(tx: Tx, key: Buffer): Promise<void> {
  await tx
    .updateTable('sign_in_failure')
    .set({ failures: sql`greatest(0, failures - 1)`, open_at: sql`failed_at` })
    .where('key', '=', key)
    .execute()
}

export async function deleteOldFailures(tx: Tx, before: Date): Promise<void> {
  await tx.deleteFrom('sign_in_failure').where('failed_at', '<', before).execute()
}
