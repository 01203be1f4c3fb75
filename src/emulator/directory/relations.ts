import { appRoleAssignmentsOf, roleDefinitions } from './applications.ts'
import { holds } from './ordered.ts'
import type { DirectoryObject, Entity, Group, Tenant } from './types.ts'

/** How to read a navigation property; `types` are the types its ends may have. */
export interface Relation {
  types: readonly string[]
  /** False: there is one end at most, and an answer shows it as an object. */
  many: boolean
  read(tenant: Tenant, entity: Entity): readonly Entity[]
}

const directoryTypes = ['user', 'group']

/** By the type of the entity they start from. */
export const relations: Readonly<Record<string, Readonly<Record<string, Relation>>>> = {
  user: {
    manager: { types: ['user'], many: false, read: managerOf },
    directReports: {
      types: ['user'],
      many: true,
      read: (tenant, user) => tenant.users.filter((other) => other.manager?.id === user.id),
    },
    memberOf: { types: ['group'], many: true, read: groupsHolding },
    transitiveMemberOf: { types: ['group'], many: true, read: transitiveGroupsOf },
    ownedObjects: { types: ['group'], many: true, read: groupsOwnedBy },
  },
  group: {
    members: {
      types: directoryTypes,
      many: true,
      read: (tenant, group) => linksOf(tenant, group, 'members'),
    },
    owners: {
      types: ['user'],
      many: true,
      read: (tenant, group) => linksOf(tenant, group, 'owners'),
    },
    memberOf: { types: ['group'], many: true, read: groupsHolding },
    transitiveMembers: { types: directoryTypes, many: true, read: transitiveMembersOf },
    transitiveMemberOf: { types: ['group'], many: true, read: transitiveGroupsOf },
  },
  servicePrincipal: {
    appRoleAssignments: {
      types: ['appRoleAssignment'],
      many: true,
      read: (tenant, principal) =>
        principal.id === tenant.app.servicePrincipalId ? appRoleAssignmentsOf(tenant) : [],
    },
  },
  unifiedRoleAssignment: {
    roleDefinition: {
      types: ['unifiedRoleDefinition'],
      many: false,
      read: (_, assignment) =>
        roleDefinitions().filter((role) => role.id === assignment.data.roleDefinitionId),
    },
  },
}

function managerOf(tenant: Tenant, entity: Entity): Entity[] {
  const user = tenant.byId.get(entity.id)
  return user?.type === 'user' && user.manager !== undefined ? [user.manager] : []
}

/** The groups of which an object is a direct member. */
export function groupsHolding(tenant: Tenant, entity: Entity): Group[] {
  return tenant.groups.filter((group) => holds(group.members, entity))
}

function groupsOwnedBy(tenant: Tenant, entity: Entity): Group[] {
  return tenant.groups.filter((group) => holds(group.owners, entity))
}

/** The groups of which an object is a member directly or through others. */
export function transitiveGroupsOf(tenant: Tenant, entity: Entity): Group[] {
  const found = new Set<Group>()
  const open: Entity[] = [entity]
  for (let from = open.pop(); from !== undefined; from = open.pop()) {
    for (const group of groupsHolding(tenant, from)) {
      if (found.has(group)) continue
      found.add(group)
      open.push(group)
    }
  }
  return [...found].sort((a, b) => a.seq - b.seq)
}

function transitiveMembersOf(tenant: Tenant, entity: Entity): DirectoryObject[] {
  const found = new Set<DirectoryObject>()
  const open: Entity[] = [entity]
  for (let from = open.pop(); from !== undefined; from = open.pop()) {
    for (const member of linksOf(tenant, from, 'members')) {
      if (found.has(member)) continue
      found.add(member)
      if (member.type === 'group') open.push(member)
    }
  }
  return [...found].sort((a, b) => a.seq - b.seq)
}

function linksOf(
  tenant: Tenant,
  entity: Entity,
  relation: 'members' | 'owners',
): readonly DirectoryObject[] {
  const group = tenant.byId.get(entity.id)
  return group?.type === 'group' ? group[relation] : []
}
