import type { Group, Tenant } from '../directory/types.ts'
import { badRequest, notFound } from '../graphErrors.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { deltaReply } from './delta.ts'
import { countReply, type ListSource, listReply } from './list.ts'
import { relationRoutes } from './relations.ts'
import { singleReply } from './single.ts'

export const groupRoutes: readonly GraphRoute[] = [
  { method: 'GET', path: '/groups', answer: (context) => listReply(context, allGroups(context)) },
  {
    method: 'GET',
    path: '/groups/$count',
    needs: '/groups',
    answer: (context) => countReply(context, allGroups(context)),
  },
  { method: 'GET', path: '/groups/delta', answer: (context) => deltaReply(context, 'group') },
  {
    method: 'GET',
    path: '/groups/{id}',
    answer: (context) => singleReply(context, groupOf(context), 'groups'),
  },
  ...['members', 'owners', 'memberOf', 'transitiveMembers'].flatMap((name) =>
    relationRoutes({ base: '/groups/{id}', type: 'group', name, from: groupOf }),
  ),
  ...relationRoutes({
    ...{ base: '/groups/{id}', type: 'group', name: 'transitiveMemberOf', from: groupOf },
    needs: '/groups/{id}/memberOf',
  }),
]

function allGroups(context: GraphCallContext): ListSource {
  return { types: ['group'], items: context.tenant.groups, contextName: 'groups' }
}

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** The group that the first parameter names. */
export function groupOf(context: GraphCallContext): Group {
  const name = context.params[0] ?? ''
  if (!guid.test(name)) throw badRequest(`Invalid object identifier '${name}'.`)
  const group = findGroup(context.tenant, name)
  if (group === undefined || findGroup(context.seen, name) === undefined) throw notFound(name)
  return group
}

function findGroup(tenant: Tenant, id: string): Group | undefined {
  const object = tenant.byId.get(id.toLowerCase())
  return object?.type === 'group' ? object : undefined
}
