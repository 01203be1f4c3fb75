import type { Actor, Author } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Sealed } from '../../core/secret.ts'
import { writeAudit } from '../../store/audit.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { rootPath } from '../hierarchy/root.ts'
import type { Store } from '../operation/store.ts'
import * as queries from './queries.ts'
import { hashOf, newSecret } from './secrets.ts'

/** What a browser keeps from a sign-in. */
export interface SignedIn {
  session: Sealed
  device: Sealed
}

export function personAuthor({ id, name }: { id: number; name: string }): Author {
  return { id: `person:${id}`, name, kind: 'person' }
}

/** The person behind an actor's id; undefined for tokens and the system. */
export function personIdOf({ id }: Pick<Author, 'id'>): number | undefined {
  const digits = /^person:(\d{1,15})$/.exec(id)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** Throws `not-permitted` for who is no person with a session. */
export function requirePerson(actor: Actor): number {
  const id = personIdOf(actor)
  if (id !== undefined) return id
  throw new AppError(
    'not-permitted',
    'This is for people who signed in themselves, not for access tokens. Nothing was done.',
  )
}

/**
 * Begins a session, always with a new secret: one that was there before the sign-in, perhaps
 * planted, stays nobody's.
 */
export async function beginSession(
  tx: Tx,
  person: queries.PersonRow,
  how: 'password' | 'openid',
  { now, device: earlier }: { now: Date; device: Sealed | undefined },
): Promise<SignedIn> {
  const session = newSecret('pbs')
  const device = newSecret('pbd')
  await writeAudit(tx, {
    nodePath: person.nodePath,
    actor: personAuthor(person),
    action: 'sign-in.session',
    subject: `person:${person.id}`,
    detail: { how },
  })
  await queries.insertSession(tx, {
    ...{ personId: person.id, hash: hashOf(session), now },
    idleEndsAt: later(now, limits.sessionIdleMs),
    endsAt: later(now, limits.sessionMs),
  })
  await queries.deleteOldSessions(tx, later(now, -limits.sessionKeepMs))
  await queries.deleteDevice(tx, earlier && hashOf(earlier), later(now, -limits.knownDeviceMs))
  await queries.insertDevice(tx, { hash: hashOf(device), personId: person.id, now })
  return { session, device }
}

/** Signs out: here, or everywhere the person is signed in. Tokens live on. */
export async function signOut(
  actor: Actor,
  { db, clock }: Store,
  which: { session: Sealed } | 'everywhere',
): Promise<void> {
  const personId = requirePerson(actor)
  const now = new Date(clock.now())
  await inScope(db, rootPath, async (tx) => {
    const person = await queries.selectPersonById(tx, personId)
    if (!person) return
    await writeAudit(tx, {
      nodePath: person.nodePath,
      actor,
      action: 'sign-out',
      subject: `person:${personId}`,
      detail: { everywhere: which === 'everywhere' },
    })
    if (which === 'everywhere') await queries.endSessions(tx, { personId }, now)
    else await queries.endSessions(tx, { hash: hashOf(which.session) }, now)
  })
}

export function later(now: Date, ms: number): Date {
  return new Date(now.getTime() + ms)
}
