import { createHash } from 'node:crypto'
import { roleAssignmentsOf, servicePrincipalsOf } from '../directory/applications.ts'
import { directoryRoleIds } from '../directory/roles.ts'
import type { Entity, Tenant } from '../directory/types.ts'
import { notFound, unsupportedQuery } from '../graphErrors.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { listReply } from './list.ts'
import { singleReply } from './single.ts'

/** Neither roles nor their members come in pages, and roles take no options of any kind. */
export const directoryRoleRoutes: readonly GraphRoute[] = [
  {
    method: 'GET',
    path: '/directoryRoles',
    answer: (context) => {
      const [option] = context.options.keys()
      if (option !== undefined) refuseOption(option)
      return listReply(context, {
        types: ['directoryRole'],
        items: activatedRoles(context.tenant),
        contextName: 'directoryRoles',
      })
    },
  },
  {
    method: 'GET',
    path: '/directoryRoles/{id}',
    needs: '/directoryRoles',
    answer: (context) => singleReply(context, roleOf(context), 'directoryRoles'),
  },
  {
    method: 'GET',
    path: '/directoryRoles/{id}/members',
    needs: '/directoryRoles',
    answer: (context) => {
      if (context.options.has('$top')) refuseOption('$top')
      return listReply(context, {
        types: ['user', 'servicePrincipal'],
        items: holdersOf(context.tenant, roleOf(context)),
        contextName: 'directoryObjects',
        marked: true,
      })
    },
  },
]

function refuseOption(name: string): never {
  throw unsupportedQuery(`The query parameter '${name}' is not supported by directory roles.`)
}

/** Roles that somebody holds; assigning one to the first person activates it. */
function activatedRoles(tenant: Tenant): Entity[] {
  const held = new Set(roleAssignmentsOf(tenant).map(({ data }) => data.roleDefinitionId))
  const roles = Object.entries(directoryRoleIds).filter(([, templateId]) => held.has(templateId))
  return roles.map(([displayName, roleTemplateId], index) => {
    const id = guidFrom(`${tenant.id}/directoryRole/${roleTemplateId}`)
    const description = `Can do what belongs to a ${displayName}.`
    const data = { id, deletedDateTime: null, description, displayName, roleTemplateId }
    return { seq: index + 1, id, type: 'directoryRole', data }
  })
}

function roleOf({ params, tenant }: GraphCallContext): Entity {
  const [id = ''] = params
  const wanted = id.toLowerCase()
  const found = activatedRoles(tenant).find(
    (role) => role.id === wanted || role.data.roleTemplateId === wanted,
  )
  if (found === undefined) throw notFound(id)
  return found
}

function holdersOf(tenant: Tenant, role: Entity): Entity[] {
  const principals = new Map(servicePrincipalsOf(tenant).map((one) => [one.id, one]))
  const holders = roleAssignmentsOf(tenant).flatMap(({ data }) => {
    const { principalId, roleDefinitionId } = data
    if (roleDefinitionId !== role.data.roleTemplateId) return []
    return tenant.byId.get(String(principalId)) ?? principals.get(String(principalId)) ?? []
  })
  return holders.map((holder, index) => ({ ...holder, seq: index + 1 }))
}

/** Equal texts give equal ids, different ones different ids. */
function guidFrom(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`]
  return [...parts, `a${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-')
}
