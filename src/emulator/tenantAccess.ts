import type { Tenant } from './directory/types.ts'
import type { TenantAccess } from './options.ts'

/** What a client needs to know of a tenant, with the newest of its secrets. */
export function accessTo(tenant: Tenant): TenantAccess {
  return {
    tenantId: tenant.id,
    domain: tenant.initialDomain,
    displayName: tenant.displayName,
    cloud: tenant.cloud,
    clientId: tenant.app.clientId,
    clientSecret: tenant.app.secrets.at(-1)?.text ?? '',
    users: tenant.users.length,
    groups: tenant.groups.length,
  }
}
