import type {
  Application,
  Credential,
  Credentials,
  CredentialWatch,
  StandIn,
} from '../../connectors/microsoft/application.ts'
import { type Clouds, cloudNamed } from '../../connectors/microsoft/clouds.ts'
import { AppError } from '../../core/errors.ts'
import type { Reach, WebProxy } from '../../net/destination.ts'
import { inScope } from '../../store/scope.ts'
import { openCredential } from '../certificates/credential.ts'
import { reachAt } from '../egress/reach.ts'
import { notFound } from '../operation/notFound.ts'
import type { Store } from '../operation/store.ts'
import { openTenant } from './access.ts'
import { readProxy } from './addresses.ts'
import { type OpenedTenant, ownerOf } from './answer.ts'
import type { FieldPath, Values } from './fields.ts'
import { selectTenant, type TenantRow } from './queries.ts'

/** What the server's configuration says of the way out; no tenant can widen it. */
export interface Surroundings {
  clouds: Clouds
  /** For the proxies that tenants name: addresses allowed although private, and their CA. */
  proxies: Reach
  /** What all processes remember of a tenant's credentials; without it, each process for itself. */
  watch?: (tenant: WatchedTenant) => TenantWatch
}

export interface WatchedTenant {
  tenantId: number
  nodePath: string
  name: string
}

/** Of each of the two credentials, by the version that tells it from newer ones. */
export interface TenantWatch {
  first(version: string): CredentialWatch
  second(version: string): CredentialWatch
  /** The second one is used in place of the first; told once until the first is accepted again. */
  stepsIn: StandIn['stepsIn']
}

export interface ConnectedTenant {
  application: Application
  values: Values
}

/**
 * A tenant as work on it needs it: how to sign in, and its settings. `scope` is the path of its
 * node. Throws `not-found`.
 */
export async function connectTenant(
  store: Store,
  surroundings: Surroundings,
  place: { tenantId: number; scope: string },
): Promise<ConnectedTenant> {
  const tenant = await inScope(store.db, place.scope, async (tx) => {
    const row = await selectTenant(tx, place.tenantId)
    if (row === undefined) throw notFound('tenant')
    return await openTenant(tx, store, row)
  })
  return { application: await applicationOf(store, surroundings, tenant), values: tenant.values }
}

/** The app registration as the token client knows it; the vault is opened once per sign-in. */
export async function applicationOf(
  store: Store,
  { clouds, proxies, watch: watchTenant }: Surroundings,
  tenant: OpenedTenant,
): Promise<Application> {
  const { row, values } = tenant
  const { id: tenantId, node_path: nodePath, name } = row
  const ca = values['graph.caCertificate']
  const watch = watchTenant?.({ tenantId, nodePath, name })
  const first = credentialOf(store, tenant, 'first')
  const second = credentialOf(store, tenant, 'second')
  return {
    ...{ cloud: trusting(cloudNamed(clouds, row.cloud), ca), tenantId: row.microsoft_tenant_id },
    clientId: values['graph.clientId'] ?? '',
    proxy: await proxyFor(store, tenant, trusting(proxies, ca)),
    credentialVersion: first?.credentialVersion ?? 'none',
    credentials: first?.credentials ?? (async () => ({})),
    watch: first && watch?.first(first.credentialVersion),
    standIn: second &&
      watch && {
        ...{ ...second, watch: watch.second(second.credentialVersion) },
        stepsIn: (refusal) => watch.stepsIn(refusal),
      },
  }
}

/** The fields of the two credentials: a secret, or the id of a certificate. */
export const credentialFields = {
  first: { secret: 'graph.clientSecret', certificate: 'graph.certificateId' },
  second: { secret: 'graph.secondClientSecret', certificate: 'graph.secondCertificateId' },
} as const satisfies Record<string, { secret: FieldPath; certificate: FieldPath }>

export type Slot = keyof typeof credentialFields

/** Undefined: there is none. A client secret goes before a certificate, as in the reference. */
export function credentialOf(
  store: Store,
  { row, changedAt, values }: OpenedTenant,
  slot: Slot,
): Credential | undefined {
  const { secret, certificate } = credentialFields[slot]
  const secretAt = changedAt.get(secret)
  const certificateId = values[certificate]
  if (secretAt === undefined && certificateId === undefined) return undefined
  return {
    // Tells credentials apart without telling them.
    credentialVersion:
      secretAt === undefined
        ? `${slot} certificate ${certificateId}`
        : `${slot} secret ${secretAt.toISOString()}`,
    credentials: () => openCredentials(store, row, slot),
  }
}

/** As the tenant has them by then: a sync under way goes on with what was put in their place. */
async function openCredentials(
  store: Store,
  { id, node_path: nodePath }: Pick<TenantRow, 'id' | 'node_path'>,
  slot: Slot,
): Promise<Credentials> {
  const { secret: field, certificate: idField } = credentialFields[slot]
  const found = await inScope(store.db, nodePath, async (tx) => {
    const clientSecret = await store.vault.get(tx, { owner: ownerOf(id), field })
    const row = clientSecret === undefined ? await selectTenant(tx, id) : undefined
    return { clientSecret, certificateId: row?.settings[idField] }
  })
  const { clientSecret, certificateId } = found
  if (clientSecret !== undefined) return { clientSecret }
  if (typeof certificateId !== 'number') return {}
  const certificate = await openCredential(store, certificateId, nodePath)
  if (certificate !== undefined) return { certificate }
  throw new AppError(
    'credentials-rejected',
    'The certificate this tenant names is not there any more. Nothing was sent; choose another one.',
  )
}

/** The outbound proxy of a tenant; at most one of the two fields is set. */
async function proxyFor(
  { db }: Store,
  { row, shown }: OpenedTenant,
  proxies: Reach,
): Promise<WebProxy | undefined> {
  for (const field of ['graph.secureProxy', 'graph.proxy'] as const) {
    const address = shown.get(field)
    if (address === undefined) continue
    const endpoint = readProxy(field, address)
    const policy = await reachAt(db, row.node_path, proxies)
    return { ...policy.reach(endpoint), endpoint }
  }
  return undefined
}

/**
 * With the authority of the tenant beside those trusted already: that of a proxy of its own, or of
 * one that looks into TLS. It counts for this tenant's connections and no other's.
 */
function trusting<T extends Reach>(way: T, ca: string | undefined): T {
  if (ca === undefined) return way
  return { ...way, ca: way.ca === undefined ? ca : `${way.ca}\n${ca}` }
}
