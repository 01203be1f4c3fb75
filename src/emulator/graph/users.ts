import type { Tenant, User } from '../directory/types.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { notFound } from './errors.ts'
import { listReply } from './list.ts'
import { singleReply } from './single.ts'

export const userRoutes: readonly GraphRoute[] = [
  {
    method: 'GET',
    path: '/users',
    answer: (context) =>
      listReply(context, { type: 'user', items: context.tenant.users, contextName: 'users' }),
  },
  {
    method: 'GET',
    path: '/users/{id}',
    answer: (context) => singleReply(context, userOf(context), 'users'),
  },
]

/** The user that the first parameter names by id or by sign-in name. */
export function userOf(context: GraphCallContext): User {
  const name = context.params[0] ?? ''
  const user = findUser(context.tenant, name)
  if (user === undefined) throw notFound(name)
  return user
}

export function findUser(tenant: Tenant, name: string): User | undefined {
  const wanted = name.toLowerCase()
  const object = tenant.byId.get(wanted)
  if (object !== undefined) return object.type === 'user' ? object : undefined
  return tenant.byUpn.get(wanted)
}
