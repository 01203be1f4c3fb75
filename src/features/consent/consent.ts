import { type Clouds, cloudNamed } from '../../connectors/microsoft/clouds.ts'
import { type Actor, type Author, requirePermission, scopesOf } from '../../core/actor.ts'
import { AppError, asAppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Sealed } from '../../core/secret.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { rootPath } from '../hierarchy/root.ts'
import { record } from '../operation/record.ts'
import type { Store } from '../operation/store.ts'
import { insertOneTime, selectOneTime, takeOneTime } from '../signIn/queries.ts'
import { derived, hashOf, newSecret } from '../signIn/secrets.ts'
import { later } from '../signIn/sessions.ts'
import { openTenant, permittedTenant, tenantType } from '../tenants/access.ts'
import { selectTenant, type TenantRow } from '../tenants/queries.ts'

export interface ConsentSettings {
  /** Where Microsoft sends browsers back to; the app registration lists it as a redirect URI. */
  publicOrigin: string | undefined
  clouds: Clouds
  /** Who made a link, with the rights they have now. */
  actorNow: (actorId: string) => Promise<Actor | undefined>
}

/** Whoever opened a link: no account is needed for it. */
const somebody: Author = { id: 'stranger', name: 'unknown', kind: 'system' }

/** What a link is about: to whom it was given, for what, and for which tenant at Microsoft. */
interface Asked {
  actorId: string
  tenantId: number
  microsoftId: string
}

/**
 * A link for the tenant's own administrator, who needs no account here. It is worth one consent:
 * who only opens it (programs that look at links in mails do) uses nothing up.
 */
export async function inviteToConsent(
  actor: Actor,
  store: Store,
  { publicOrigin }: ConsentSettings,
  tenantId: number,
): Promise<{ link: Sealed; expiresAt: Date }> {
  const now = new Date(store.clock.now())
  const link = newSecret('pbo')
  const expiresAt = later(now, limits.consentLinkMs)
  await inScope(store.db, scopesOf(actor), async (tx) => {
    const { row } = await permittedTenant(tx, store, actor, 'Update', tenantId)
    if (publicOrigin === undefined) throw noWayBack()
    const asked = { actorId: actor.id, tenantId, microsoftId: row.microsoft_tenant_id }
    await note(tx, actor, row, 'consent.invite')
    await insertOneTime(tx, { hash: hashOf(link), purpose: 'consent', detail: asked, expiresAt })
  })
  return { link, expiresAt }
}

/** Sends a browser to Microsoft's page; `way` binds the answer to it. Throws `not-found`. */
export async function beginConsent(
  store: Store,
  settings: ConsentSettings,
  link: Sealed,
): Promise<{ location: string; way: Sealed }> {
  const now = new Date(store.clock.now())
  const way = newSecret('pbo')
  return await inScope(store.db, rootPath, async (tx) => {
    const asked = askedOf(await selectOneTime(tx, 'consent', hashOf(link), now))
    const row = asked && (await selectTenant(tx, asked.tenantId))
    if (!row) throw overNow()
    const { values } = await openTenant(tx, store, row)
    const { login, scope } = cloudNamed(settings.clouds, row.cloud)
    // Documented as "admin consent endpoint" (learn.microsoft.com, v2-admin-consent).
    const address = new URL(`${login}/${row.microsoft_tenant_id}/v2.0/adminconsent`)
    address.search = new URLSearchParams({
      ...{ client_id: values['graph.clientId'] ?? '', scope, state: derived(way, 'state') },
      redirect_uri: `${settings.publicOrigin}/consent/return`,
    }).toString()
    await insertOneTime(tx, {
      ...{ hash: hashOf(way), purpose: 'consent', expiresAt: later(now, limits.roundTripMs) },
      detail: { link: hashOf(link).toString('base64') },
    })
    return { location: address.href, way }
  })
}

/**
 * Somebody came back from Microsoft. Counts only in the browser that went there, once, for the very
 * tenant, while who made the link may still change it; what does not count is on record when it
 * came with a link of ours. Throws `sign-in-required`, `conflict`, `not-permitted`.
 */
export async function finishConsent(
  store: Store,
  settings: ConsentSettings,
  way: Sealed | undefined,
  query: Readonly<Record<string, string>>,
): Promise<void> {
  const now = new Date(store.clock.now())
  // Strangers, who have no such way, could fill the audit.
  const row = way && (await inScope(store.db, rootPath, (tx) => tenantBehind(tx, way, now)))
  if (!way || !row) throw overNow()
  try {
    await takeConsent(store, settings, way, query, now)
  } catch (error) {
    const why = asAppError(error, 'The consent').message
    await inScope(store.db, row.node_path, (tx) =>
      note(tx, somebody, row, 'consent.refused', { why }),
    )
    throw error
  }
}

/** The tenant that a link is about by which a browser was sent to Microsoft; uses nothing up. */
async function tenantBehind(tx: Tx, way: Sealed, now: Date): Promise<TenantRow | undefined> {
  const link = linkOf(await selectOneTime(tx, 'consent', hashOf(way), now))
  const asked = link && askedOf(await selectOneTime(tx, 'consent', link, now))
  return asked && (await selectTenant(tx, asked.tenantId))
}

async function takeConsent(
  store: Store,
  { actorNow }: ConsentSettings,
  way: Sealed,
  query: Readonly<Record<string, string>>,
  now: Date,
): Promise<void> {
  if (query.state !== derived(way, 'state')) throw overNow()
  const isGiven = query.admin_consent?.toLowerCase() === 'true'
  const asked = await inScope(store.db, rootPath, async (tx) => {
    const link = linkOf(await takeOneTime(tx, 'consent', hashOf(way), now))
    // A refusal at Microsoft leaves the link, so that the same person may think again.
    return link && isGiven ? askedOf(await takeOneTime(tx, 'consent', link, now)) : undefined
  })
  if (!isGiven) throw notGiven()
  const actor = asked && (await actorNow(asked.actorId))
  if (asked === undefined || actor === undefined) throw overNow()
  await inScope(store.db, scopesOf(actor), async (tx) => {
    const row = await selectTenant(tx, asked.tenantId, 'update')
    if (row === undefined) throw overNow()
    requirePermission(actor, 'Update', tenantType, row.node_path)
    const same = [row.microsoft_tenant_id, query.tenant?.toLowerCase()]
    if (same.some((id) => id !== asked.microsoftId)) throw anotherTenant()
    await note(tx, actor, row, 'consent.given')
  })
}

async function note(
  tx: Tx,
  actor: Author,
  row: TenantRow,
  action: string,
  more: { why?: string } = {},
): Promise<void> {
  await record(tx, actor, {
    ...{ nodePath: row.node_path, tenantId: row.id, action, subject: `tenant:${row.id}` },
    detail: { name: row.name, microsoftTenantId: row.microsoft_tenant_id, ...more },
  })
}

function linkOf(way: Awaited<ReturnType<typeof takeOneTime>>): Buffer | undefined {
  const link = way?.detail.link
  return typeof link === 'string' ? Buffer.from(link, 'base64') : undefined
}

function askedOf(row: Awaited<ReturnType<typeof takeOneTime>>): Asked | undefined {
  const { actorId, tenantId, microsoftId } = row?.detail ?? {}
  if (typeof actorId !== 'string' || typeof microsoftId !== 'string') return undefined
  return typeof tenantId === 'number' ? { actorId, tenantId, microsoftId } : undefined
}

function overNow(): AppError {
  return new AppError(
    'sign-in-required',
    'This link was used, has expired, or was not opened in this browser. Ask for a new one.',
  )
}

function notGiven(): AppError {
  return new AppError(
    'conflict',
    'Microsoft was told no, or could not be asked. The link counts until it expires.',
  )
}

function noWayBack(): AppError {
  return new AppError(
    'conflict',
    'Nobody could come back from Microsoft: this server was not told its public address. Set publicUrl in patchbay.json.',
  )
}

function anotherTenant(): AppError {
  return new AppError(
    'conflict',
    'Consent was given for another Microsoft tenant than the one the link is about. Nothing was noted here.',
  )
}
