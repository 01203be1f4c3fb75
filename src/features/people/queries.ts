import type { Permission } from '../../core/actor.ts'
import type { Tx } from '../../store/scope.ts'
import { toJsonb } from '../../store/text.ts'
import { onceCreated } from '../../store/times.ts'

export interface PersonRow {
  id: number
  nodeId: number
  nodePath: string
  login: string
  name: string
  email: string | null
  passwordHash: string | null
  issuer: string | null
  subject: string | null
  disabledAt: Date | null
  createdAt: Date
}

const columns = [
  ...(['id', 'node_id as nodeId', 'node_path as nodePath', 'login', 'name', 'email'] as const),
  ...(['password_hash as passwordHash', 'oidc_issuer as issuer'] as const),
  ...(['oidc_subject as subject', 'disabled_at as disabledAt', 'created_at as createdAt'] as const),
] as const

export async function selectPeople(tx: Tx, after: number, limit: number): Promise<PersonRow[]> {
  return await tx
    .selectFrom('person')
    .select(columns)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute()
}

/** `lock`: nobody changes it until the transaction ends. */
export async function selectPerson(
  tx: Tx,
  id: number,
  lock = false,
): Promise<PersonRow | undefined> {
  const query = tx.selectFrom('person').select(columns).where('id', '=', id)
  return await (lock ? query.forUpdate() : query).executeTakeFirst()
}

export async function insertPerson(
  tx: Tx,
  person: Pick<PersonRow, 'nodeId' | 'nodePath' | 'login' | 'name' | 'email'> & {
    issuer: string | null
    subject: string | null
  },
): Promise<PersonRow> {
  return await tx
    .insertInto('person')
    .values({
      ...{ node_id: person.nodeId, node_path: person.nodePath, login: person.login },
      ...{ name: person.name, email: person.email },
      ...{ oidc_issuer: person.issuer, oidc_subject: person.subject },
    })
    .returning(columns)
    .executeTakeFirstOrThrow()
}

export async function updatePerson(tx: Tx, person: PersonRow): Promise<void> {
  await tx
    .updateTable('person')
    .set({
      ...{ login: person.login, name: person.name, email: person.email },
      ...{ oidc_issuer: person.issuer, oidc_subject: person.subject },
      disabled_at: person.disabledAt,
    })
    .where('id', '=', person.id)
    .execute()
}

export async function deletePersonRow(tx: Tx, id: number): Promise<void> {
  await tx.deleteFrom('person').where('id', '=', id).execute()
}

export interface TokenRow {
  id: number
  name: string
  personId: number | null
  /** Of its owner; null where it has none, or one outside the scope of the transaction. */
  owner: string | null
  ownerPath: string | null
  scope: string
  permissions: Permission[] | null
  createdAt: Date
  expiresAt: Date | null
  lastUsedAt: Date | null
}

/** Tokens are no node's data: row-level security hides their owners, and the join with them. */
function tokens(tx: Tx) {
  return tx
    .selectFrom('access_token as token')
    .leftJoin('person', 'person.id', 'token.person_id')
    .select(['token.id', 'token.name', 'token.person_id as personId', 'token.scope'])
    .select(['person.name as owner', 'person.node_path as ownerPath', 'token.permissions'])
    .select(['token.created_at as createdAt', 'token.expires_at as expiresAt'])
    .select('token.last_used_at as lastUsedAt')
    .where('token.ended_at', 'is', null)
}

/** Of one's own, and of everybody the transaction sees when `all`. */
export async function selectTokens(
  tx: Tx,
  of: { personId: number | undefined; all: boolean; ownerless: boolean },
  after: number,
  limit: number,
): Promise<TokenRow[]> {
  return await tokens(tx)
    .where((row) =>
      row.or([
        ...(of.personId === undefined ? [] : [row('token.person_id', '=', of.personId)]),
        ...(of.all ? [row('person.id', 'is not', null)] : []),
        ...(of.ownerless ? [row('token.person_id', 'is', null)] : []),
      ]),
    )
    .where('token.id', '>', after)
    .orderBy('token.id')
    .limit(limit)
    .execute()
}

export async function selectToken(tx: Tx, id: number): Promise<TokenRow | undefined> {
  return await tokens(tx).where('token.id', '=', id).executeTakeFirst()
}

export async function insertToken(
  tx: Tx,
  token: {
    name: string
    scope: string
    hash: Buffer
    personId: number
    permissions: readonly Permission[] | null
    createdBy: object
    /** By the same clock as its end. */
    createdAt: Date
    expiresAt: Date
  },
): Promise<number> {
  const { id } = await tx
    .insertInto('access_token')
    .values({
      ...{ name: token.name, scope: token.scope, hash: token.hash, person_id: token.personId },
      permissions: token.permissions && toJsonb([...token.permissions]),
      created_by: toJsonb(token.createdBy),
      ...{ created_at: token.createdAt, expires_at: token.expiresAt },
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

export async function endToken(tx: Tx, id: number, now: Date): Promise<void> {
  const ended = { ended_at: onceCreated(now) }
  await tx.updateTable('access_token').set(ended).where('id', '=', id).execute()
}
