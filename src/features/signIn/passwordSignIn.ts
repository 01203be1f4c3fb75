import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Sealed } from '../../core/secret.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import type { SignIns } from '../audit/signIns.ts'
import { rootPath } from '../hierarchy/root.ts'
import type { Store } from '../operation/store.ts'
import { clearAttempt, countAttempt, countersOf, type Place } from './delays.ts'
import { isPassword } from './passwords.ts'
import * as queries from './queries.ts'
import { hashOf } from './secrets.ts'
import { beginSession, later, type SignedIn } from './sessions.ts'

/**
 * Signs in with login and password. Who does not exist, mistyped, has no password or is disabled
 * gets the same answer after the same work. Throws `sign-in-required`, `too-many-requests`.
 */
export async function signInWithPassword(
  { db, clock }: Store,
  signIns: SignIns,
  given: { login: string; password: Sealed },
  place: Place,
): Promise<SignedIn> {
  const now = new Date(clock.now())
  const { person, counted } = await inScope(db, rootPath, async (tx) => {
    const found = await queries.selectPersonByLogin(tx, given.login)
    const isKnown = found !== undefined && (await knowsDevice(tx, place.device, found.id, now))
    const counters = countersOf(given.login, place, isKnown)
    return { person: found, counted: await countAttempt(tx, counters, now) }
  })
  const right = await isPassword(given.password, person?.passwordHash ?? null)
  if (person === undefined || !right || person.disabledAt !== null) {
    await signIns.noteRefused(person)
    throw signInRefused()
  }
  return await inScope(db, rootPath, async (tx) => {
    // Meanwhile the hash was computed, and an administrator may have acted.
    const current = await queries.selectPersonById(tx, person.id)
    const same = current?.passwordHash === person.passwordHash && current.disabledAt === null
    if (!same) throw signInRefused()
    await clearAttempt(tx, counted)
    await queries.deleteOldFailures(tx, later(now, -limits.signInForgetMs))
    return await beginSession(tx, current, 'password', { now, device: place.device })
  })
}

async function knowsDevice(
  tx: Tx,
  device: Sealed | undefined,
  personId: number,
  now: Date,
): Promise<boolean> {
  if (device === undefined) return false
  const since = later(now, -limits.knownDeviceMs)
  return (await queries.selectDevice(tx, hashOf(device), since)) === personId
}

function signInRefused(): AppError {
  return new AppError(
    'sign-in-required',
    'Login and password do not fit together, or the person may not sign in. Check both; an administrator can send a new invitation.',
  )
}
