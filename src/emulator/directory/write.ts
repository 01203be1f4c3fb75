import type { JsonObject } from '../../core/json.ts'
import { dateText } from '../dates.ts'
import { randomGuid } from '../random.ts'
import { addChange } from './changes.ts'
import { dependents, licencesIn } from './computed.ts'
import { reprocessUser } from './licenceQueue.ts'
import { addOrdered, dropOrdered, holds } from './ordered.ts'
import { personData } from './personData.ts'
import { groupsHolding } from './relations.ts'
import { keepPast } from './replicas.ts'
import {
  type DirectoryObject,
  type Group,
  nextSeq,
  type Tenant,
  textOf,
  type User,
} from './types.ts'

const deletedKeepMs = 30 * 86_400_000

/**
 * Every change of a tenant goes through here, so that indices stay right and delta hears of it.
 * Nothing is checked: that is the caller's part.
 */
export function updateObject(tenant: Tenant, object: DirectoryObject, values: JsonObject): void {
  keepPast(tenant, object)
  if (object.type === 'user') tenant.byUpn.delete(upnKey(object))
  Object.assign(object.data, values)
  if (object.type === 'user') tenant.byUpn.set(upnKey(object), object)
  const { type, id } = object
  const properties = Object.keys(values).flatMap((name) => [name, ...(dependents[name] ?? [])])
  addChange(tenant.changes, { type, id, what: 'changed', properties })
}

export function createUser(tenant: Tenant, values: JsonObject, now: number): User {
  const id = randomGuid(tenant.random)
  const data = personData(id, { createdDateTime: dateText(now), userType: 'Member', ...values })
  const user: User = { seq: nextSeq(tenant), id, type: 'user', data, manager: undefined }
  insert(tenant, user)
  return user
}

export function createGroup(tenant: Tenant, values: JsonObject, now: number): Group {
  const id = randomGuid(tenant.random)
  const data = {
    id,
    deletedDateTime: null,
    createdDateTime: dateText(now),
    renewedDateTime: dateText(now),
    groupTypes: [],
    mail: null,
    proxyAddresses: [],
    ...values,
  }
  const group: Group = { seq: nextSeq(tenant), id, type: 'group', data, members: [], owners: [] }
  insert(tenant, group)
  return group
}

/** People and Microsoft 365 groups can be restored for a while; other groups are gone at once. */
export function deleteObject(tenant: Tenant, object: DirectoryObject, now: number): void {
  const memberOf = groupsHolding(tenant, object)
  const isUser = object.type === 'user'
  const ownerOf = isUser ? tenant.groups.filter((group) => holds(group.owners, object)) : []
  const directReports = isUser ? tenant.users.filter((user) => user.manager === object) : []
  for (const group of memberOf) dropLink(tenant, group, 'members', object)
  for (const group of ownerOf) dropLink(tenant, group, 'owners', object)
  for (const report of directReports) setManager(tenant, report, undefined)
  const userPrincipalName = textOf(object, 'userPrincipalName')
  // What groups gave goes with the memberships, and comes back with them.
  const { direct } = tenant.licensing.get(object.id) ?? {}
  if (direct !== undefined) object.data.assignedLicenses = direct.map((licence) => ({ ...licence }))
  tenant.licensing.delete(object.id)
  remove(tenant, object)
  const { type, id } = object
  if (!isRestorable(object)) {
    addChange(tenant.changes, { type, id, what: 'purged' })
    return
  }
  object.data.deletedDateTime = dateText(now)
  if (isUser) object.data.userPrincipalName = id.replaceAll('-', '') + userPrincipalName
  const kept = { object, deletedAt: now, userPrincipalName, memberOf, ownerOf, directReports }
  tenant.deleted.set(id, kept)
  addChange(tenant.changes, { type, id, what: 'deleted' })
}

function isRestorable(object: DirectoryObject): boolean {
  const kinds = object.data.groupTypes
  return object.type === 'user' || (Array.isArray(kinds) && kinds.includes('Unified'))
}

/** Brings a deleted object back with its memberships; undefined when it is not there. */
export function restoreObject(tenant: Tenant, id: string): DirectoryObject | undefined {
  const kept = tenant.deleted.get(id)
  if (kept === undefined) return undefined
  const { object } = kept
  tenant.deleted.delete(id)
  object.data.deletedDateTime = null
  if (object.type === 'user') object.data.userPrincipalName = kept.userPrincipalName
  insert(tenant, object)
  for (const group of kept.memberOf) addLink(tenant, group, 'members', object)
  if (object.type === 'user') {
    for (const group of kept.ownerOf) addLink(tenant, group, 'owners', object)
    for (const report of kept.directReports) setManager(tenant, report, object)
  }
  return object
}

/** What was deleted thirty days ago is gone, whether or not anybody looked. */
export function expireDeleted(tenant: Tenant): void {
  const oldest = tenant.clock.now() - deletedKeepMs
  // In the order in which they were deleted.
  for (const [id, { deletedAt }] of tenant.deleted) {
    if (deletedAt > oldest) return
    purgeObject(tenant, id)
  }
}

/** Ends a deleted object for good; false when it is not there. */
export function purgeObject(tenant: Tenant, id: string): boolean {
  const kept = tenant.deleted.get(id)
  if (kept === undefined) return false
  tenant.deleted.delete(id)
  addChange(tenant.changes, { type: kept.object.type, id, what: 'purged' })
  return true
}

export function setManager(tenant: Tenant, user: User, manager: User | undefined): void {
  const before = user.manager
  if (before === manager) return
  keepPast(tenant, user)
  user.manager = manager
  if (before !== undefined) logLink(tenant, user, 'manager', before, false)
  if (manager !== undefined) logLink(tenant, user, 'manager', manager, true)
}

/** False when it was there already, or the group is no longer. */
export function addLink(
  tenant: Tenant,
  group: Group,
  relation: 'members' | 'owners',
  object: DirectoryObject,
): boolean {
  if (tenant.byId.get(group.id) !== group) return false
  keepPast(tenant, group)
  const added =
    relation === 'members'
      ? addOrdered(group.members, object)
      : object.type === 'user' && addOrdered(group.owners, object)
  if (added) logMember(tenant, group, relation, object, true)
  return added
}

/** False when it was not there. */
export function dropLink(
  tenant: Tenant,
  group: Group,
  relation: 'members' | 'owners',
  object: DirectoryObject,
): boolean {
  keepPast(tenant, group)
  const dropped = dropOrdered(group[relation], object)
  if (dropped) logMember(tenant, group, relation, object, false)
  return dropped
}

/** Who joins or leaves a group with licences gets or loses them. */
function logMember(
  tenant: Tenant,
  group: Group,
  relation: 'members' | 'owners',
  object: DirectoryObject,
  added: boolean,
): void {
  logLink(tenant, group, relation, object, added)
  const licensed = licencesIn(group).length > 0
  if (relation === 'members' && licensed) reprocessUser(tenant, object)
}

function logLink(
  tenant: Tenant,
  from: DirectoryObject,
  relation: 'members' | 'owners' | 'manager',
  other: DirectoryObject,
  added: boolean,
): void {
  const link = { relation, otherId: other.id, otherType: other.type, added }
  addChange(tenant.changes, { type: from.type, id: from.id, what: 'changed', properties: [], link })
}

function insert(tenant: Tenant, object: DirectoryObject): void {
  keepPast(tenant, object)
  tenant.byId.set(object.id, object)
  if (object.type === 'user') {
    addOrdered(tenant.users, object)
    tenant.byUpn.set(upnKey(object), object)
  } else {
    addOrdered(tenant.groups, object)
  }
  addChange(tenant.changes, { type: object.type, id: object.id, what: 'changed' })
}

function remove(tenant: Tenant, object: DirectoryObject): void {
  keepPast(tenant, object)
  tenant.byId.delete(object.id)
  dropOrdered(object.type === 'user' ? tenant.users : tenant.groups, object)
  if (object.type === 'user') tenant.byUpn.delete(upnKey(object))
}

function upnKey(user: User): string {
  return textOf(user, 'userPrincipalName').toLowerCase()
}
