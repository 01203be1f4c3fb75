import type { Static } from 'typebox'
import type { ConnectionReport } from '../../contract/tenants.ts'

export type FeatureAnswer = Static<typeof ConnectionReport>['features'][number]

export interface Feature {
  feature: string
  /** What it shows. It is in use where some of it was read in. */
  models: readonly string[]
  /** What it does besides: it is in use where one of these kinds of steps was asked for. */
  steps?: readonly string[]
  read: Need
  /** Absent where it changes nothing at Microsoft. */
  write?: Need
}

/** Any one of the permissions is enough; the first is the least, and the one to ask for. */
export interface Need {
  anyOf: readonly string[]
  /** The calls that need it, as the catalogue names them. */
  calls: readonly (readonly ['GET' | 'PATCH' | 'POST', string])[]
}

/**
 * What an application permission of Graph lets a feature do, by Graph's permissions reference. A
 * test compares it with the catalogue.
 */
export const features: readonly Feature[] = [
  {
    feature: 'users',
    models: ['device/msgraph/MSOLUser', 'device/msgraph/DeletedUser'],
    read: {
      anyOf: [
        'User.Read.All',
        'User.ReadWrite.All',
        'Directory.Read.All',
        'Directory.ReadWrite.All',
      ],
      calls: [
        ['GET', '/users'],
        ['GET', '/users/delta'],
        ['GET', '/directory/deletedItems/microsoft.graph.user'],
      ],
    },
    write: {
      anyOf: ['User.ReadWrite.All', 'Directory.ReadWrite.All'],
      calls: [['PATCH', '/users/{id}']],
    },
  },
  {
    feature: 'groups',
    models: ['device/msgraph/Groups'],
    read: {
      anyOf: [
        'GroupMember.Read.All',
        'Group.Read.All',
        'Group.ReadWrite.All',
        'Directory.Read.All',
      ],
      calls: [
        ['GET', '/groups'],
        ['GET', '/groups/delta'],
        ['GET', '/groups/{id}/members'],
      ],
    },
    write: {
      anyOf: ['Group.ReadWrite.All', 'Directory.ReadWrite.All'],
      calls: [['PATCH', '/groups/{id}']],
    },
  },
  {
    feature: 'memberships',
    models: [],
    steps: ['link'],
    read: {
      anyOf: [
        'GroupMember.Read.All',
        'GroupMember.ReadWrite.All',
        'Group.Read.All',
        'Group.ReadWrite.All',
        'Directory.Read.All',
      ],
      calls: [['GET', '/groups/{id}/members']],
    },
    write: {
      anyOf: ['GroupMember.ReadWrite.All', 'Group.ReadWrite.All', 'Directory.ReadWrite.All'],
      calls: [['POST', '/groups/{id}/members/$ref']],
    },
  },
  {
    feature: 'passwords',
    models: [],
    steps: ['password'],
    read: {
      anyOf: ['User.Read.All', 'User.ReadWrite.All', 'Directory.Read.All'],
      calls: [['GET', '/users/delta']],
    },
    // No other permission writes a password; the page of "update user" says so, the catalogue not.
    write: { anyOf: ['User-PasswordProfile.ReadWrite.All'], calls: [] },
  },
  {
    feature: 'licences',
    models: ['device/msgraph/MsolAccountSku'],
    read: {
      anyOf: [
        'LicenseAssignment.Read.All',
        'Organization.Read.All',
        'Organization.ReadWrite.All',
        'Directory.Read.All',
        'Directory.ReadWrite.All',
      ],
      calls: [['GET', '/subscribedSkus']],
    },
    write: {
      anyOf: ['LicenseAssignment.ReadWrite.All', 'User.ReadWrite.All', 'Directory.ReadWrite.All'],
      calls: [['POST', '/users/{id}/assignLicense']],
    },
  },
  {
    feature: 'teams',
    models: ['device/msgraph/Teams'],
    read: {
      anyOf: ['Team.ReadBasic.All', 'TeamSettings.Read.All', 'TeamSettings.ReadWrite.All'],
      calls: [
        ['GET', '/teams'],
        ['GET', '/teams/{id}'],
      ],
    },
    write: {
      anyOf: ['TeamSettings.ReadWrite.All', 'Group.ReadWrite.All', 'Directory.ReadWrite.All'],
      calls: [['PATCH', '/teams/{id}']],
    },
  },
  {
    feature: 'rooms',
    models: ['device/msgraph/Room', 'device/msgraph/RoomList'],
    read: {
      anyOf: ['Place.Read.All', 'Place.ReadWrite.All'],
      calls: [['GET', '/places/microsoft.graph.room']],
    },
    // The catalogue does not know the call; the page of "update place" names the permission.
    write: { anyOf: ['Place.ReadWrite.All'], calls: [] },
  },
  {
    feature: 'domains',
    models: ['device/msgraph/Domain'],
    read: {
      anyOf: ['Domain.Read.All', 'Domain.ReadWrite.All', 'Directory.Read.All'],
      calls: [
        ['GET', '/domains'],
        ['GET', '/domains/{id}'],
      ],
    },
    // The catalogue does not know the call; the page of "update domain" names the permission.
    write: { anyOf: ['Domain.ReadWrite.All'], calls: [] },
  },
  {
    feature: 'organisation',
    models: ['device/msgraph/Organization'],
    read: {
      anyOf: [
        'Organization.Read.All',
        'Organization.ReadWrite.All',
        'Directory.Read.All',
        'Directory.ReadWrite.All',
      ],
      calls: [['GET', '/organization']],
    },
    write: { anyOf: ['Organization.ReadWrite.All'], calls: [['PATCH', '/organization/{id}']] },
  },
  {
    feature: 'applications',
    models: ['device/msgraph/ServicePrincipal'],
    read: {
      anyOf: ['Application.Read.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
      calls: [['GET', '/servicePrincipals']],
    },
  },
  {
    feature: 'directory roles',
    models: ['device/msgraph/DirectoryRole', 'device/msgraph/RoleAssignment'],
    read: {
      anyOf: ['RoleManagement.Read.Directory', 'Directory.Read.All', 'Directory.ReadWrite.All'],
      calls: [
        ['GET', '/directoryRoles'],
        ['GET', '/roleManagement/directory/roleAssignments'],
      ],
    },
  },
]

/** What a tenant is attached for, whether or not anything of it was read in yet. */
const always: readonly string[] = ['users', 'groups', 'licences']

/**
 * With any of these an application can make itself anything it likes. No feature needs one, and who
 * takes over the application would have the tenant with it. (Microsoft Learn: "Privileged roles and
 * permissions in Microsoft Entra ID".)
 */
export const tooPowerful = {
  directoryRoles: [
    'Global Administrator',
    'Privileged Role Administrator',
    'Application Administrator',
    'Cloud Application Administrator',
    'Hybrid Identity Administrator',
    'Security Administrator',
    'Conditional Access Administrator',
    'Domain Name Administrator',
    'Partner Tier2 Support',
  ],
  permissions: [
    'RoleManagement.ReadWrite.Directory',
    'AppRoleAssignment.ReadWrite.All',
    'Application.ReadWrite.All',
  ],
} as const satisfies Record<string, readonly string[]>

/**
 * What helps to run a tenant and is no part of what it is run for: without one of these nothing
 * fails, but something stays unknown.
 */
export const aids: readonly { feature: string; reads: readonly (readonly string[])[] }[] = [
  {
    feature: 'connection test',
    reads: [
      ['Organization.Read.All', 'Organization.ReadWrite.All', 'Directory.Read.All'],
      ['Application.Read.All', 'Directory.Read.All'],
      ['RoleManagement.Read.Directory', 'Directory.Read.All'],
    ],
  },
  { feature: 'credential dates', reads: [['Application.Read.All', 'Directory.Read.All']] },
  // In a partner's own tenant alone.
  { feature: 'delegated administration', reads: [['DelegatedAdminRelationship.Read.All']] },
]

/** What tells more than the features need: the test itself reads with these. */
export const testNeeds = {
  organization: 'Organization.Read.All',
  permissions: 'Application.Read.All',
  directoryRoles: 'RoleManagement.Read.Directory',
  credentials: 'Application.Read.All',
} as const

/** What was done with a tenant so far. */
export interface Usage {
  /** Models of which something was read in. */
  models: ReadonlySet<string>
  /** Kinds of steps that were asked for. */
  steps: ReadonlySet<string>
}

export function isInUse({ feature, models, steps = [] }: Feature, used: Usage): boolean {
  if (always.includes(feature)) return true
  return (
    models.some((model) => used.models.has(model)) || steps.some((kind) => used.steps.has(kind))
  )
}

/** The kinds of steps that tell whether a feature is in use. */
export const tellingSteps = features.flatMap(({ steps = [] }) => steps)

/** What can be done with the permissions granted; `unknown` when these could not be read. */
export function assessFeatures(
  granted: readonly string[] | 'unknown',
  used: Usage,
): FeatureAnswer[] {
  return features.map((each) => {
    const { feature, read, write } = each
    const inUse = isInUse(each, used)
    if (granted === 'unknown') return { feature, inUse, available: 'unknown', missing: [] }
    const holds = ({ anyOf }: Need) => anyOf.some((name) => granted.includes(name))
    const needs = write === undefined ? [read] : [read, write]
    const missing = needs.filter((need) => !holds(need)).map(({ anyOf }) => anyOf[0] ?? '')
    if (!holds(read)) return { feature, inUse, available: 'none', missing }
    const available = missing.length === 0 ? 'full' : 'view-only'
    return { feature, inUse, available, missing }
  })
}
