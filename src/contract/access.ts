import { operations } from '../core/actor.ts'
import { limits } from '../core/limits.ts'
import { route } from './route.ts'
import { Closed, Id, Nullable, PageOf, pageQuery, Text, Time } from './schemas.ts'
import { Type } from './type.ts'

const Name = Text({ minLength: 1, maxLength: 255 })
const Description = Text({ maxLength: limits.fieldCharsMax })
/** `device/msgraph/MSOLUser`, `device/msexchangeonline/*` or `*`; case does not count. */
export const Permissions = Type.Array(
  Closed({
    type: Type.String({
      minLength: 1,
      maxLength: 200,
      pattern: '^[A-Za-z][A-Za-z0-9/_-]*\\*?$|^\\*$',
    }),
    operations: Type.Array(Type.Enum(operations), { maxItems: operations.length }),
  }),
  { maxItems: limits.permissionsPerProfile },
)
const Kind = Type.Enum(['provider', 'reseller', 'customer', 'site'] as const)
const Origin = Type.Enum(['shipped', 'own'] as const)

export const AccessProfile = Closed({
  id: Id,
  name: Type.String(),
  description: Type.String(),
  origin: Origin,
  permissions: Permissions,
  updatedAt: Time,
})

export const Role = Closed({
  id: Id,
  name: Type.String(),
  kind: Kind,
  origin: Origin,
  profileId: Id,
  profile: Type.String(),
})

export const RoleGrant = Closed({
  id: Id,
  personId: Id,
  person: Nullable(Type.String()),
  roleId: Id,
  role: Type.String(),
  nodeId: Id,
  grantedBy: Type.String(),
  grantedAt: Time,
})

const profileType = 'data/AccessProfile'
const profileParams = Closed({ profileId: Id })

export const profileRoutes = {
  list: route({
    name: 'profile.list',
    method: 'GET',
    path: '/v1/profiles',
    summary: 'The access profiles: which operations on which types',
    permission: { operation: 'Read', type: profileType },
    query: Closed(pageQuery),
    answer: PageOf(AccessProfile),
    status: 200,
  }),
  show: route({
    name: 'profile.show',
    method: 'GET',
    path: '/v1/profiles/{profileId}',
    summary: 'One access profile',
    permission: { operation: 'Read', type: profileType },
    params: profileParams,
    answer: AccessProfile,
    status: 200,
  }),
  create: route({
    name: 'profile.create',
    method: 'POST',
    path: '/v1/profiles',
    summary: 'Make an access profile of what you hold yourself',
    permission: { operation: 'Create', type: profileType },
    body: Closed({
      name: Name,
      description: Type.Optional(Description),
      permissions: Permissions,
    }),
    answer: AccessProfile,
    status: 201,
  }),
  update: route({
    name: 'profile.update',
    method: 'PATCH',
    path: '/v1/profiles/{profileId}',
    summary: 'Change an access profile, for everybody who holds it',
    permission: { operation: 'Update', type: profileType },
    params: profileParams,
    body: Closed({
      name: Type.Optional(Name),
      description: Type.Optional(Description),
      permissions: Type.Optional(Permissions),
    }),
    answer: AccessProfile,
    status: 200,
  }),
  delete: route({
    name: 'profile.delete',
    method: 'DELETE',
    path: '/v1/profiles/{profileId}',
    summary: 'Delete an access profile that no role is made of',
    permission: { operation: 'Delete', type: profileType },
    params: profileParams,
    query: Closed({ confirm: Type.Optional(Name) }),
    status: 204,
  }),
}

const roleType = 'data/Role'
const grantType = 'data/RoleGrant'
const roleParams = Closed({ roleId: Id })

export const roleRoutes = {
  list: route({
    name: 'role.list',
    method: 'GET',
    path: '/v1/roles',
    summary: 'The roles: a profile, and the kind of node it may be given at',
    permission: { operation: 'Read', type: roleType },
    query: Closed(pageQuery),
    answer: PageOf(Role),
    status: 200,
  }),
  show: route({
    name: 'role.show',
    method: 'GET',
    path: '/v1/roles/{roleId}',
    summary: 'One role',
    permission: { operation: 'Read', type: roleType },
    params: roleParams,
    answer: Role,
    status: 200,
  }),
  create: route({
    name: 'role.create',
    method: 'POST',
    path: '/v1/roles',
    summary: 'Make a role of a profile',
    permission: { operation: 'Create', type: roleType },
    body: Closed({ name: Name, profileId: Id, kind: Kind }),
    answer: Role,
    status: 201,
  }),
  delete: route({
    name: 'role.delete',
    method: 'DELETE',
    path: '/v1/roles/{roleId}',
    summary: 'Delete a role that nobody holds',
    permission: { operation: 'Delete', type: roleType },
    params: roleParams,
    query: Closed({ confirm: Type.Optional(Name) }),
    status: 204,
  }),
  granted: route({
    name: 'role.granted',
    method: 'GET',
    path: '/v1/role-grants',
    summary: 'Who holds which role at the nodes within your scope',
    permission: { operation: 'Read', type: grantType },
    query: Closed({ ...pageQuery, personId: Type.Optional(Id) }),
    answer: PageOf(RoleGrant),
    status: 200,
  }),
  grant: route({
    name: 'role.grant',
    method: 'POST',
    path: '/v1/role-grants',
    summary: 'Give a person a role at a node, of no more than you hold there yourself',
    permission: { operation: 'Create', type: grantType },
    body: Closed({ personId: Id, roleId: Id, nodeId: Id }),
    answer: RoleGrant,
    status: 201,
  }),
  revoke: route({
    name: 'role.revoke',
    method: 'DELETE',
    path: '/v1/role-grants/{grantId}',
    summary: 'Take a role from a person, at once',
    permission: { operation: 'Delete', type: grantType },
    params: Closed({ grantId: Id }),
    status: 204,
  }),
}
