import { canonicalJson, type JsonObject } from '../../core/json.ts'
import type { Group, Tenant, User } from '../directory/types.ts'

/** Everything a tenant holds, sorted by id: equal tenants give equal texts. */
export function snapshotText(tenant: Tenant): string {
  const users = tenant.users.map(userImage)
  const groups = tenant.groups.map((group) => ({ ...group.data }))
  const links = [
    ...tenant.users.flatMap(managerLink),
    ...tenant.groups.flatMap(groupLinks),
    ...inheritedLicences(tenant),
  ]
  const deleted = [...tenant.deleted.values()].map(({ object }) => ({
    ...object.data,
    type: object.type,
  }))
  return canonicalJson({
    users: users.sort(byId),
    groups: groups.sort(byId),
    links: links.sort(),
    deleted: deleted.sort(byId),
  })
}

function userImage(user: User): JsonObject {
  return { ...user.data }
}

function managerLink(user: User): string[] {
  return user.manager === undefined ? [] : [`manager ${user.id} ${user.manager.id}`]
}

function groupLinks(group: Group): string[] {
  return [
    ...group.members.map((object) => `member ${group.id} ${object.id}`),
    ...group.owners.map((object) => `owner ${group.id} ${object.id}`),
  ]
}

function inheritedLicences(tenant: Tenant): string[] {
  return [...tenant.licensing].flatMap(([userId, { inherited }]) =>
    inherited.map(({ groupId, skuId, error }) => `licence ${groupId} ${userId} ${skuId} ${error}`),
  )
}

function byId(a: JsonObject, b: JsonObject): number {
  return String(a.id) < String(b.id) ? -1 : 1
}
