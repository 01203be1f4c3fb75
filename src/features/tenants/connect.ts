import type { Application, Credentials } from '../../connectors/microsoft/application.ts'
import { type Clouds, cloudNamed } from '../../connectors/microsoft/clouds.ts'
import { AppError } from '../../core/errors.ts'
import type { WebProxy } from '../../net/destination.ts'
import { inScope } from '../../store/scope.ts'
import { openCredential } from '../certificates/credential.ts'
import { notFound } from '../operation/notFound.ts'
import type { Store } from '../operation/store.ts'
import { openTenant } from './access.ts'
import { readProxy } from './addresses.ts'
import { type OpenedTenant, ownerOf } from './answer.ts'
import type { FieldPath, Values } from './fields.ts'
import { selectTenant } from './queries.ts'

/** What the server's configuration says of the way out; no tenant can widen it. */
export interface Surroundings {
  clouds: Clouds
  /** For the proxies that tenants name: addresses allowed although private, and their CA. */
  proxies: Omit<WebProxy, 'endpoint'>
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
  return { application: applicationOf(store, surroundings, tenant), values: tenant.values }
}

/** The app registration as the token client knows it; the vault is opened once per sign-in. */
export function applicationOf(
  store: Store,
  { clouds, proxies }: Surroundings,
  tenant: OpenedTenant,
): Application {
  const { row, values } = tenant
  return {
    cloud: cloudNamed(clouds, row.cloud),
    tenantId: row.microsoft_tenant_id,
    clientId: values['graph.clientId'] ?? '',
    credentialVersion: credentialVersionOf(tenant),
    credentials: () => credentials(store, tenant),
    proxy: proxyFor(tenant, proxies),
  }
}

/** A client secret goes before a certificate, as in the reference. */
async function credentials(store: Store, tenant: OpenedTenant): Promise<Credentials> {
  const { row, values } = tenant
  const field: FieldPath = 'graph.clientSecret'
  const clientSecret = await inScope(store.db, row.node_path, (tx) =>
    store.vault.get(tx, { owner: ownerOf(row.id), field }),
  )
  if (clientSecret !== undefined) return { clientSecret }
  const certificateId = values['graph.certificateId']
  if (certificateId === undefined) return {}
  const certificate = await openCredential(store, certificateId, row.node_path)
  if (certificate !== undefined) return { certificate }
  throw new AppError(
    'credentials-rejected',
    'The certificate this tenant names is not there any more. Nothing was sent; choose another one.',
  )
}

/** The outbound proxy of a tenant; at most one of the two fields is set. */
function proxyFor({ shown }: OpenedTenant, proxies: Surroundings['proxies']): WebProxy | undefined {
  for (const field of ['graph.secureProxy', 'graph.proxy'] as const) {
    const address = shown.get(field)
    if (address !== undefined) return { ...proxies, endpoint: readProxy(field, address) }
  }
  return undefined
}

/** Tells credentials apart without telling them. */
function credentialVersionOf({ changedAt, values }: OpenedTenant): string {
  const secretAt = changedAt.get('graph.clientSecret')
  if (secretAt !== undefined) return `secret ${secretAt.toISOString()}`
  return `certificate ${values['graph.certificateId'] ?? 'none'}`
}
