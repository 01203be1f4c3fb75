import { roleAssignmentsOf, servicePrincipalsOf } from '../directory/applications.ts'
import { current } from '../directory/others.ts'
import type { Entity, Tenant } from '../directory/types.ts'
import { domainsOf } from '../graph/domains.ts'
import { organizationsOf } from '../graph/organization.ts'

/** Neither people nor groups, and gone for good when they are removed. */
export function removableOthers(tenant: Tenant): Entity[] {
  const { others } = tenant
  const places = current(others, others.places)
  return [...places, ...servicePrincipalsOf(tenant), ...roleAssignmentsOf(tenant)]
}

/** All that is neither a person nor a group. */
export function otherNamed(tenant: Tenant, name: string): Entity | undefined {
  const all = [...removableOthers(tenant), ...domainsOf(tenant), ...organizationsOf(tenant)]
  return named(all, name)
}

/** By id, or by the address of a place. */
export function named(entities: readonly Entity[], name: string): Entity | undefined {
  const wanted = name.toLowerCase()
  return entities.find(
    ({ id, data }) => id.toLowerCase() === wanted || data.emailAddress === wanted,
  )
}
