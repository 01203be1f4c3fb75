import type { Tenant, User } from '../directory/types.ts'
import { notFound } from '../graphErrors.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { deltaReply } from './delta.ts'
import { countReply, type ListSource, listReply } from './list.ts'
import { relationRoutes } from './relations.ts'
import { singleReply } from './single.ts'
import { licenceDetails } from './skus.ts'

export const userRoutes: readonly GraphRoute[] = [
  { method: 'GET', path: '/users', answer: (context) => listReply(context, allUsers(context)) },
  {
    method: 'GET',
    path: '/users/$count',
    answer: (context) => countReply(context, allUsers(context)),
  },
  { method: 'GET', path: '/users/delta', answer: (context) => deltaReply(context, 'user') },
  {
    method: 'GET',
    path: '/users/{id}',
    answer: (context) => singleReply(context, userOf(context), 'users'),
  },
  {
    method: 'GET',
    path: '/users/{id}/manager',
    answer: (context) => {
      const { manager } = userOf(context)
      if (manager === undefined) throw notFound('manager')
      return singleReply(context, manager, 'directoryObjects', { marked: true })
    },
  },
  ...['directReports', 'memberOf', 'transitiveMemberOf', 'ownedObjects'].flatMap((name) =>
    relationRoutes({ base: '/users/{id}', type: 'user', name, from: userOf }),
  ),
  {
    method: 'GET',
    path: '/users/{id}/licenseDetails',
    answer: (context) => {
      const user = userOf(context)
      return listReply(context, {
        types: ['licenseDetails'],
        items: licenceDetails(context.tenant, user),
        contextName: `users('${user.id}')/licenseDetails`,
      })
    },
  },
]

function allUsers(context: GraphCallContext): ListSource {
  return { types: ['user'], items: context.tenant.users, contextName: 'users' }
}

/** The user that the first parameter names by id or by sign-in name. */
export function userOf(context: GraphCallContext): User {
  const name = context.params[0] ?? ''
  const user = findUser(context.tenant, name)
  if (user === undefined || findUser(context.seen, name) === undefined) throw notFound(name)
  return user
}

function findUser(tenant: Tenant, name: string): User | undefined {
  const wanted = name.toLowerCase()
  const object = tenant.byId.get(wanted)
  if (object !== undefined) return object.type === 'user' ? object : undefined
  return tenant.byUpn.get(wanted)
}
