import type { Static } from 'typebox'
import type { ConnectionReport } from '../../contract/tenants.ts'

export type FeatureAnswer = Static<typeof ConnectionReport>['features'][number]

export interface Feature {
  feature: string
  read: Need
  write: Need
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
      ],
    },
    write: {
      anyOf: ['User.ReadWrite.All', 'Directory.ReadWrite.All'],
      calls: [['PATCH', '/users/{id}']],
    },
  },
  {
    feature: 'groups',
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
    feature: 'licences',
    read: {
      anyOf: [
        'LicenseAssignment.Read.All',
        'Organization.Read.All',
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
]

/** What tells more than the features need: the test itself reads with these. */
export const testNeeds = {
  organization: 'Organization.Read.All',
  permissions: 'Application.Read.All',
  directoryRoles: 'RoleManagement.Read.Directory',
  credentials: 'Application.Read.All',
} as const

/** What can be done with the permissions granted; `unknown` when these could not be read. */
export function assessFeatures(granted: readonly string[] | 'unknown'): FeatureAnswer[] {
  if (granted === 'unknown') {
    return features.map(({ feature }) => ({ feature, available: 'unknown', missing: [] }))
  }
  const holds = ({ anyOf }: Need) => anyOf.some((name) => granted.includes(name))
  return features.map(({ feature, read, write }) => {
    const missing = [read, write].filter((need) => !holds(need)).map(({ anyOf }) => anyOf[0] ?? '')
    if (!holds(read)) return { feature, available: 'none', missing }
    return { feature, available: holds(write) ? 'full' : 'view-only', missing }
  })
}
