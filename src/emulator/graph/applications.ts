import {
  applicationOf,
  appRoleAssignmentsOf,
  roleAssignmentsOf,
  roleDefinitions,
  servicePrincipalsOf,
} from '../directory/applications.ts'
import type { Entity, Tenant } from '../directory/types.ts'
import { notFound } from '../graphErrors.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { listReply } from './list.ts'
import { singleReply } from './single.ts'

const roleAssignments = '/roleManagement/directory/roleAssignments'
const roleDefinitionsPath = '/roleManagement/directory/roleDefinitions'

export const applicationRoutes: readonly GraphRoute[] = [
  ...collection('/applications', 'application', (tenant) => [applicationOf(tenant)]),
  byAppId('/applications', (tenant) => [applicationOf(tenant)]),
  ...collection('/servicePrincipals', 'servicePrincipal', servicePrincipalsOf),
  byAppId('/servicePrincipals', servicePrincipalsOf),
  {
    method: 'GET',
    path: '/servicePrincipals/{id}/appRoleAssignments',
    answer: (context) => {
      const { tenant } = context
      const principal = oneOf(context, servicePrincipalsOf(tenant))
      const own = principal.id === tenant.app.servicePrincipalId
      return listReply(context, {
        types: ['appRoleAssignment'],
        items: own ? appRoleAssignmentsOf(tenant) : [],
        contextName: 'appRoleAssignments',
      })
    },
  },
  ...collection(roleAssignments, 'unifiedRoleAssignment', roleAssignmentsOf),
  ...collection(roleDefinitionsPath, 'unifiedRoleDefinition', roleDefinitions, roleAssignments),
]

/** The list and the single object of a small collection. */
function collection(
  path: string,
  type: string,
  read: (tenant: Tenant) => Entity[],
  needs: string = path,
): GraphRoute[] {
  const contextName = path.slice(1)
  return [
    {
      method: 'GET',
      path,
      needs,
      answer: (context) =>
        listReply(context, { types: [type], items: read(context.tenant), contextName }),
    },
    {
      method: 'GET',
      path: `${path}/{id}`,
      needs,
      answer: (context) => singleReply(context, oneOf(context, read(context.tenant)), contextName),
    },
  ]
}

/** `/applications(appId='...')`. */
function byAppId(path: string, read: (tenant: Tenant) => Entity[]): GraphRoute {
  return {
    method: 'GET',
    path: `${path}(appId)/{appId}`,
    needs: path,
    answer: (context) => {
      const [appId = ''] = context.params
      const found = read(context.tenant).find((entity) => entity.data.appId === appId.toLowerCase())
      if (found === undefined) throw notFound(appId)
      return singleReply(context, found, path.slice(1))
    },
  }
}

function oneOf(context: GraphCallContext, entities: readonly Entity[]): Entity {
  const [id = ''] = context.params
  const found = entities.find((entity) => entity.id.toLowerCase() === id.toLowerCase())
  if (found === undefined) throw notFound(id)
  return found
}
