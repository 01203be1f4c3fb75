import { createHash } from 'node:crypto'
import type { Actor } from '../../core/actor.ts'
import { AppError, badInput } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Sealed } from '../../core/secret.ts'
import { writeAudit } from '../../store/audit.ts'
import { inScope } from '../../store/scope.ts'
import type { SignIns } from '../audit/signIns.ts'
import { rootPath } from '../hierarchy/root.ts'
import { notFound } from '../operation/notFound.ts'
import type { Store } from '../operation/store.ts'
import * as queries from '../signIn/queries.ts'
import { hashOf, newSecret } from '../signIn/secrets.ts'
import { later, personAuthor, requirePerson } from '../signIn/sessions.ts'
import { insertPersonsToken } from './tokens.ts'

/** The way back to a command line on the person's own machine (RFC 8252 section 7.3). */
const loopback = /^http:\/\/(127\.0\.0\.1|\[::1\]):[1-9]\d{0,4}\/callback$/

/**
 * Somebody who signed in says yes to a command line: it gets a code that is worth a token together
 * with the verifier only it knows (PKCE, RFC 7636). Answers where the browser is to go.
 */
export async function admitCommandLine(
  actor: Actor,
  { db, clock }: Store,
  asked: { redirectUri: string; challenge: string; state: string; device: string },
): Promise<{ location: string }> {
  const personId = requirePerson(actor)
  if (!loopback.test(asked.redirectUri)) {
    throw badInput('body.redirectUri', 'has to be http://127.0.0.1:port/callback.')
  }
  const now = new Date(clock.now())
  const code = newSecret('pbo')
  const { challenge, device, redirectUri } = asked
  await inScope(db, rootPath, async (tx) => {
    const person = await queries.selectPersonById(tx, personId)
    if (person === undefined) throw notFound('person')
    await writeAudit(tx, {
      nodePath: person.nodePath,
      actor,
      action: 'sign-in.admitted',
      subject: `person:${personId}`,
      detail: { device },
    })
    await queries.deleteExpired(tx, now)
    await queries.insertOneTime(tx, {
      ...{ hash: hashOf(code), purpose: 'command-line', personId },
      ...{ detail: { challenge, device }, expiresAt: later(now, limits.commandLineCodeMs) },
    })
  })
  const location = new URL(redirectUri)
  location.searchParams.set('code', code.reveal())
  location.searchParams.set('state', asked.state)
  return { location: location.href }
}

/** The code for a token of the person, good for `tokenDaysDefault`. Throws `sign-in-required`. */
export async function exchangeCode(
  { db, clock }: Store,
  signIns: SignIns,
  given: { code: Sealed; verifier: Sealed },
): Promise<{ token: Sealed; expiresAt: Date }> {
  const now = new Date(clock.now())
  // Taken before the verifier is looked at: a code that was stolen is worth one guess.
  const taken = await inScope(db, rootPath, (tx) =>
    queries.takeOneTime(tx, 'command-line', hashOf(given.code), now),
  )
  const challenge = createHash('sha256').update(given.verifier.reveal()).digest('base64url')
  const made = await inScope(db, rootPath, async (tx) => {
    if (!taken?.personId || taken.detail.challenge !== challenge) return undefined
    const person = await queries.selectPersonById(tx, taken.personId)
    if (!person || person.disabledAt !== null) return undefined
    const name = `Command line on ${String(taken.detail.device)}`
    const expiresAt = later(now, limits.tokenDaysDefault * dayMs)
    const token = { name, createdAt: now, expiresAt }
    return await insertPersonsToken(tx, personAuthor(person), person, token)
  })
  if (made) return made
  await signIns.noteRefused(undefined)
  throw new AppError(
    'sign-in-required',
    'The code of this sign-in is used, expired or of another command line. Run patchbay login again.',
  )
}

const dayMs = 24 * 60 * 60_000
