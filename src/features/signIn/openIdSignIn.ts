import { AppError, asAppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Sealed } from '../../core/secret.ts'
import { writeAudit } from '../../store/audit.ts'
import type { Log } from '../../store/log.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import type { SignIns } from '../audit/signIns.ts'
import { rootPath } from '../hierarchy/root.ts'
import { notFound } from '../operation/notFound.ts'
import type { Store } from '../operation/store.ts'
import type { Identity, OpenIdClient, OpenIdProvider } from './openId.ts'
import * as queries from './queries.ts'
import { hashOf, newSecret } from './secrets.ts'
import { beginSession, later, personAuthor, type SignedIn } from './sessions.ts'

/** How people sign in at this server besides with a password. */
export interface OpenIdSettings {
  providers: readonly OpenIdProvider[]
  /** Where providers send people back to: the origin that browsers know this server by. */
  publicOrigin: string | undefined
  client: OpenIdClient
}

/**
 * Sends a browser to a provider. `way` is what it keeps until it comes back. Nothing is stored:
 * anybody may ask for this, however often.
 */
export async function beginOpenId(
  settings: OpenIdSettings,
  name: string,
): Promise<{ location: string; way: Sealed }> {
  const provider = providerNamed(settings, name)
  const way = newSecret('pbo')
  return {
    location: await settings.client.begin(provider, way, returnAddress(settings, name)),
    way,
  }
}

/** A browser that comes back: by which provider's address, and what it kept. */
interface Came {
  name: string
  way: Sealed | undefined
  device: Sealed | undefined
  query: string
}

/** Signs in who comes back. Throws `sign-in-required`; why, the log says and not the page. */
export async function finishOpenId(
  store: Store,
  { signIns, log }: { signIns: SignIns; log: Log },
  settings: OpenIdSettings,
  came: Came,
): Promise<SignedIn> {
  try {
    return await finish(store, settings, came)
  } catch (thrown) {
    const error = asAppError(thrown, 'Signing in at an OpenID provider')
    const why = error.cause instanceof Error ? error.cause.message : error.message
    log.warn({ provider: came.name, why }, 'a sign-in at an OpenID provider was refused')
    await signIns.noteRefused(undefined)
    throw error
  }
}

async function finish(
  { db, clock }: Store,
  settings: OpenIdSettings,
  { name, way, device, query }: Came,
): Promise<SignedIn> {
  const provider = providerNamed(settings, name)
  const now = new Date(clock.now())
  if (way === undefined) throw noneBegun()
  const returnedTo = new URL(returnAddress(settings, name))
  returnedTo.search = query
  const identity = await settings.client.finish(provider, way, returnedTo)
  if (identity.issuer !== provider.issuer) throw noneBegun()
  return await inScope(db, rootPath, async (tx) => {
    await useUp(tx, way, now)
    const person = await personOf(tx, provider, identity)
    if (person === undefined || person.disabledAt !== null) throw unknownHere(provider)
    return await beginSession(tx, person, 'openid', { now, device })
  })
}

/** The provider takes a code once; we take the round trip once, too. */
async function useUp(tx: Tx, way: Sealed, now: Date): Promise<void> {
  await queries.deleteExpired(tx, now)
  const used = { hash: hashOf(way), purpose: 'oidc', detail: {} } as const
  const expiresAt = later(now, limits.knownDeviceMs)
  if (!(await queries.insertOneTime(tx, { ...used, expiresAt }))) throw noneBegun()
}

/** Who an administrator linked to the identity, or who matches it where that is allowed. */
async function personOf(
  tx: Tx,
  { matchBy, name }: OpenIdProvider,
  identity: Identity,
): Promise<queries.PersonRow | undefined> {
  const linked = await queries.selectPersonByIdentity(tx, identity)
  const value = matchBy && identity[matchBy]
  if (linked || !matchBy || !value) return linked
  const [person, another] = await queries.selectUnlinked(tx, matchBy, value)
  if (person === undefined || another !== undefined) return undefined
  await writeAudit(tx, {
    nodePath: person.nodePath,
    actor: personAuthor(person),
    action: 'person.linked',
    subject: `person:${person.id}`,
    detail: { provider: name, matchBy },
  })
  // From now on the link counts: an address of e-mail may go to somebody else one day.
  await queries.updateIdentity(tx, person.id, identity)
  return person
}

function providerNamed({ providers }: OpenIdSettings, name: string): OpenIdProvider {
  const found = providers.find((provider) => provider.name === name)
  if (found === undefined) throw notFound('OpenID provider')
  return found
}

function returnAddress({ publicOrigin }: OpenIdSettings, name: string): string {
  if (publicOrigin === undefined) throw new RangeError('providers need the public address')
  return `${publicOrigin}/sign-in/return/${encodeURIComponent(name)}`
}

function noneBegun(): AppError {
  return new AppError(
    'sign-in-required',
    'This browser has begun no such sign-in, or too long ago. Begin it again.',
  )
}

function unknownHere({ title }: OpenIdProvider): AppError {
  return new AppError(
    'sign-in-required',
    `Who signed in at ${title} is nobody here. An administrator links people to it.`,
  )
}
