import { serves } from '../clouds.ts'
import type { Tenant } from './types.ts'

/** By id or any verified domain, ignoring case; under a host of a cloud only those of the cloud. */
export function findTenant(
  tenants: ReadonlyMap<string, Tenant>,
  name: string,
  host: string = 'localhost',
): Tenant | undefined {
  const wanted = name.toLowerCase()
  const found =
    tenants.get(wanted) ?? [...tenants.values()].find(({ domains }) => domains.includes(wanted))
  return found !== undefined && serves(host, found.cloud) ? found : undefined
}
