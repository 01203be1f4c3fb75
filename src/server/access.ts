import { type Actor, allPermissions, type Grant } from '../core/actor.ts'
import type { Clock } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import type { Sealed } from '../core/secret.ts'
import { ensureRoot, rootPath } from '../features/hierarchy/root.ts'
import { record } from '../features/operation/record.ts'
import { hashOf, newSecret } from '../features/signIn/secrets.ts'
import { later, personAuthor, personIdOf } from '../features/signIn/sessions.ts'
import type { Credential } from '../http/admission.ts'
import type { Database } from '../store/database.ts'
import { inScope } from '../store/scope.ts'
import * as queries from './queries.ts'

/** Who makes what has to be there before anybody can sign in. */
const firstStart: Actor = {
  id: 'system',
  name: 'Patchbay',
  kind: 'system',
  grants: [{ scope: rootPath, permissions: allPermissions }],
}

interface Where {
  db: Database
  clock: Clock
}

/**
 * Whoever a token or a session belongs to, with the rights they have now. Only hashes are stored,
 * so a hash is sought. It is asked with every request and so is one statement; that a token or a
 * session was used is written down once a minute.
 */
export async function findActor(
  { db, clock }: Where,
  { kind, secret }: Credential,
): Promise<Actor | undefined> {
  const now = new Date(clock.now())
  const hash = hashOf(secret)
  if (kind === 'token') {
    const token = await queries.selectToken(db, { hash }, now)
    if (token && isOld(token.usedAt, now)) {
      await inScope(db, rootPath, (tx) => queries.updateUsed(tx, token.id, now))
    }
    return token && holderOfToken(token)
  }
  const session = await queries.selectSession(db, hash, now)
  if (session && isOld(session.seenAt, now)) {
    const idleEndsAt = later(now, limits.sessionIdleMs)
    await inScope(db, rootPath, (tx) => queries.updateSeen(tx, session.id, now, idleEndsAt))
  }
  return session && asPerson(session.personId, session)
}

/** Who did something earlier, with the rights they have now; undefined when they have none. */
export async function findActorAgain(
  { db, clock }: Where,
  actorId: string,
): Promise<Actor | undefined> {
  const personId = personIdOf({ id: actorId })
  if (personId !== undefined) {
    const person = await queries.selectPerson(db, personId)
    return person && asPerson(personId, person)
  }
  const tokenId = /^token:(\d{1,15})$/.exec(actorId)?.[1]
  if (tokenId === undefined) return undefined
  const now = new Date(clock.now())
  const token = await queries.selectToken(db, { id: Number(tokenId) }, now)
  return token && holderOfToken(token)
}

/** A token may what its owner may, within its bounds; one without an owner all of its scope. */
function holderOfToken(token: queries.TokenRow): Actor | undefined {
  const bounds: Grant = { scope: token.scope, permissions: token.permissions ?? allPermissions }
  const itself = { id: `token:${token.id}`, kind: 'token' } as const
  if (token.personId === null) return { ...itself, name: token.name, grants: [bounds] }
  if (token.person === null) return undefined
  const owner = asPerson(token.personId, token)
  return owner && { ...itself, name: `${owner.name}: ${token.name}`, grants: owner.grants, bounds }
}

function asPerson(id: number, row: queries.PersonRow): Actor | undefined {
  if (row.disabledAt !== null) return undefined
  return { ...personAuthor({ id, name: row.person }), grants: row.grants }
}

function isOld(at: Date | null, now: Date): boolean {
  return at === null || now.getTime() - at.getTime() >= limits.seenEveryMs
}

/**
 * Makes the provider node and one token for its administrator when there is no token at all: the
 * first start. `keep` stores the token where only the operator reads it; when that fails nothing
 * was made. Of several processes that start at once one does it.
 */
export async function ensureAdministrator(
  db: Database,
  providerName: string,
  keep: (token: Sealed) => Promise<void>,
): Promise<void> {
  await ensureRoot(firstStart, db, providerName)
  await inScope(db, rootPath, async (tx) => {
    await queries.lockFirstStart(tx)
    if (await queries.anyToken(tx)) return
    const token = newSecret('pb')
    const name = 'Administrator'
    await record(tx, firstStart, {
      nodePath: rootPath,
      action: 'token.create',
      subject: `token:${name}`,
      detail: { name, scope: rootPath },
    })
    await queries.insertToken(tx, { name, scope: rootPath, hash: hashOf(token) })
    await keep(token)
  })
}
