import type { Actor } from '../../core/actor.ts'
import { AppError, badInput } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Sealed } from '../../core/secret.ts'
import { writeAudit } from '../../store/audit.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import type { SignIns } from '../audit/signIns.ts'
import { rootPath } from '../hierarchy/root.ts'
import type { Store } from '../operation/store.ts'
import { clearAttempt, countAttempt, countersOf, forgetGuesses, type Place } from './delays.ts'
import { hashPassword, isPassword, requireGoodPassword } from './passwords.ts'
import * as queries from './queries.ts'
import { hashOf, newSecret } from './secrets.ts'
import { later, personAuthor, requirePerson } from './sessions.ts'

export interface Invitation {
  invitation: Sealed
  expiresAt: Date
}

/** Makes an invitation, which takes the place of any before. Shown once: only its hash is kept. */
export async function makeInvitation(tx: Tx, personId: number, now: Date): Promise<Invitation> {
  const invitation = newSecret('pbi')
  const expiresAt = later(now, limits.invitationMs)
  await queries.deleteInvitations(tx, personId)
  await queries.insertOneTime(tx, {
    ...{ hash: hashOf(invitation), purpose: 'invitation', personId },
    ...{ detail: {}, expiresAt },
  })
  return { invitation, expiresAt }
}

/**
 * The first password, or a new one in place of a lost one. Every session of the person ends, and
 * with a lost password every access token. Throws `bad-input` (the invitation stays),
 * `sign-in-required`.
 */
export async function acceptInvitation(
  { db, clock }: Store,
  signIns: SignIns,
  given: { invitation: Sealed; password: Sealed },
): Promise<void> {
  const now = new Date(clock.now())
  const hash = hashOf(given.invitation)
  const invited = await inScope(db, rootPath, async (tx) => {
    const { personId } = (await queries.selectOneTime(tx, 'invitation', hash, now)) ?? {}
    return personId ? await queries.selectPersonById(tx, personId) : undefined
  })
  if (invited === undefined || invited.disabledAt !== null) {
    await signIns.noteRefused(invited)
    throw new AppError(
      'sign-in-required',
      'This invitation is used, expired or was never made. Ask an administrator for a new one.',
    )
  }
  requireGoodPassword(given.password, invited.login, 'body.password')
  const passwordHash = await hashPassword(given.password)
  await inScope(db, rootPath, async (tx) => {
    if ((await queries.takeOneTime(tx, 'invitation', hash, now)) === undefined) {
      throw new AppError('conflict', 'This invitation was used at this moment by somebody else.')
    }
    await recordPassword(tx, personAuthor(invited), invited, 'invitation')
    await queries.updatePassword(tx, invited.id, passwordHash)
    await queries.endSessions(tx, { personId: invited.id }, now)
    // Whoever had the old password may have made a token by it, and have a browser that is known.
    if (invited.passwordHash !== null) await queries.endTokens(tx, invited.id, now)
    await queries.deleteDevices(tx, invited.id)
    await forgetGuesses(tx, invited.login)
  })
}

/** Changes one's own password. Every other session ends. Throws `bad-input`, `not-permitted`. */
export async function changePassword(
  actor: Actor,
  { db, clock }: Store,
  given: { current: Sealed; password: Sealed },
  place: Place & { session: Sealed | undefined },
): Promise<void> {
  const personId = requirePerson(actor)
  const now = new Date(clock.now())
  const { person, counted } = await inScope(db, rootPath, async (tx) => {
    const found = await queries.selectPersonById(tx, personId)
    // Else an open screen would be a place to guess at the password without end.
    const counters = countersOf(`change of person:${personId}`, place, false)
    return { person: found, counted: await countAttempt(tx, counters, now) }
  })
  if (!person || !(await isPassword(given.current, person.passwordHash))) {
    throw badInput('body.current', 'is not your password.')
  }
  requireGoodPassword(given.password, person.login, 'body.password')
  const passwordHash = await hashPassword(given.password)
  await inScope(db, rootPath, async (tx) => {
    await recordPassword(tx, personAuthor(person), person, 'changed')
    await clearAttempt(tx, counted)
    await queries.updatePassword(tx, personId, passwordHash)
    await queries.endSessions(tx, { personId, keep: place.session && hashOf(place.session) }, now)
  })
}

async function recordPassword(
  tx: Tx,
  actor: ReturnType<typeof personAuthor>,
  { id, nodePath }: queries.PersonRow,
  how: 'invitation' | 'changed',
): Promise<void> {
  const entry = { nodePath, actor, subject: `person:${id}`, detail: { how } }
  await writeAudit(tx, { ...entry, action: 'person.password' })
}
