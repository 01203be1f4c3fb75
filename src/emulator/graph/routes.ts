import { typeNames } from '../../catalogue/graph.ts'
import { pathParts } from '../exchange.ts'
import { applicationRoutes } from './applications.ts'
import { batchRoutes } from './batch.ts'
import type { GraphRoute } from './context.ts'
import { delegationRoutes } from './delegations.ts'
import { deletedItemRoutes } from './deletedItems.ts'
import { directoryObjectRoutes } from './directoryObjects.ts'
import { domainRoutes } from './domains.ts'
import { emptySetRoutes } from './emptySets.ts'
import { groupRoutes } from './groups.ts'
import { groupWriteRoutes } from './groupWrites.ts'
import { licenceRoutes } from './licences.ts'
import { membershipRoutes } from './memberships.ts'
import { organizationRoutes } from './organization.ts'
import { placeRoutes } from './places.ts'
import { isPropertyRoute, propertyRoutes } from './properties.ts'
import { directoryRoleRoutes } from './roleAssignments.ts'
import { skuRoutes } from './skus.ts'
import { subscriptionRoutes } from './subscriptions.ts'
import { teamRoutes } from './teams.ts'
import { userRoutes } from './users.ts'
import { userWriteRoutes } from './userWrites.ts'

const routes: readonly GraphRoute[] = [
  ...userRoutes,
  ...userWriteRoutes,
  ...licenceRoutes,
  ...groupRoutes,
  ...groupWriteRoutes,
  ...membershipRoutes,
  ...emptySetRoutes,
  ...deletedItemRoutes,
  ...directoryObjectRoutes,
  ...skuRoutes,
  ...organizationRoutes,
  ...domainRoutes,
  ...placeRoutes,
  ...teamRoutes,
  ...applicationRoutes,
  ...directoryRoleRoutes,
  ...subscriptionRoutes,
  ...delegationRoutes,
  ...batchRoutes,
  ...propertyRoutes,
]

export interface Matched {
  route: GraphRoute
  params: string[]
}

/** What a path leads to: a route, another method of it, or nothing. */
export function matchRoute(
  method: string,
  segments: readonly string[],
): Matched | 'other method' | undefined {
  let otherMethod = false
  for (const route of routes) {
    const params = matchPath(route.path, segments)
    if (params === undefined) continue
    if (route.method === method) return { route, params }
    otherMethod ||= !isPropertyRoute(route)
  }
  return otherMethod ? 'other method' : undefined
}

function matchPath(path: string, segments: readonly string[]): string[] | undefined {
  const parts = path.split('/').slice(1)
  if (parts.length !== segments.length) return undefined
  const params: string[] = []
  for (const [index, part] of parts.entries()) {
    const segment = segments[index] ?? ''
    if (part.startsWith('{')) params.push(segment)
    else if (part.toLowerCase() !== segment.toLowerCase()) return undefined
  }
  return params
}

/**
 * The decoded segments below the version. Keys may stand in brackets: `users('id')` is
 * `users/id`, `applications(appId='x')` is `applications(appId)/x`.
 */
export function pathSegments(path: string): string[] {
  return pathParts(path)
    .slice(1)
    .filter((segment) => segment !== '')
    .map(plainName)
    .flatMap((segment) => {
      const [, name = '', key, value = ''] =
        /^([^(]+)\((?:(\w+)=)?'((?:[^']|'')*)'\)$/.exec(segment) ?? []
      if (name === '') return [segment]
      const unquoted = value.replaceAll("''", "'")
      return key === undefined ? [name, unquoted] : [`${name}(${key})`, unquoted]
    })
}

const types = new Set(typeNames.entities.map((name) => name.toLowerCase()))

/** Casts are written `microsoft.graph.user`; actions and functions without it, and without `()`. */
function plainName(segment: string): string {
  const [, qualified] = /^(?:microsoft\.)?graph\.(\w+)(?:\(\))?$/i.exec(segment) ?? []
  if (qualified === undefined) return segment.replace(/\(\)$/, '')
  return types.has(qualified.toLowerCase()) ? `microsoft.graph.${qualified}` : qualified
}
