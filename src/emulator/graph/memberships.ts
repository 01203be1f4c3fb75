import type { Json } from '../../core/json.ts'
import { transitiveGroupsOf } from '../directory/relations.ts'
import type { Entity, Group } from '../directory/types.ts'
import type { Reply } from '../exchange.ts'
import { badRequest, notFound } from '../graphErrors.ts'
import { readBody } from './body.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { groupOf } from './groups.ts'
import { valueReply } from './reply.ts'
import { userOf } from './users.ts'

type From = (context: GraphCallContext) => Entity

/** The questions about being a member, directly or through other groups. */
export const membershipRoutes: readonly GraphRoute[] = [
  ...questions('/users/{id}', userOf),
  ...questions('/groups/{id}', groupOf),
  ...questions('/directoryObjects/{id}', anyOf),
]

const idsMax = 20

function questions(base: string, from: From): GraphRoute[] {
  const get = (name: string): GraphRoute => ({
    method: 'POST',
    path: `${base}/${name}`,
    needs: '/users/{id}/getMemberGroups',
    answer: (context) => {
      const { securityEnabledOnly } = readBody(context.request)
      if (typeof securityEnabledOnly !== 'boolean') {
        throw badRequest("The parameter 'securityEnabledOnly' is required.")
      }
      const groups = groupsOf(context, from).filter(
        ({ data }) => !securityEnabledOnly || data.securityEnabled === true,
      )
      return idsReply(context, groups)
    },
  })
  const check = (name: string, parameter: string): GraphRoute => ({
    method: 'POST',
    path: `${base}/${name}`,
    needs: '/users/{id}/checkMemberGroups',
    answer: (context) => {
      const asked = readIds(readBody(context.request)[parameter], parameter)
      return idsReply(
        context,
        groupsOf(context, from).filter(({ id }) => asked.includes(id)),
      )
    },
  })
  return [
    get('getMemberGroups'),
    get('getMemberObjects'),
    check('checkMemberGroups', 'groupIds'),
    check('checkMemberObjects', 'ids'),
  ]
}

function anyOf({ params, tenant }: GraphCallContext): Entity {
  const [id = ''] = params
  const object = tenant.byId.get(id.toLowerCase())
  if (object === undefined) throw notFound(id)
  return object
}

function groupsOf(context: GraphCallContext, from: From): Group[] {
  return transitiveGroupsOf(context.tenant, from(context))
}

function readIds(value: Json | undefined, parameter: string): string[] {
  if (!Array.isArray(value)) throw badRequest(`The parameter '${parameter}' is required.`)
  if (value.length > idsMax) {
    throw badRequest(`Too many identifiers in '${parameter}': at most ${idsMax}.`)
  }
  return value.map((id) => String(id).toLowerCase())
}

function idsReply(context: GraphCallContext, groups: readonly Group[]): Reply {
  return valueReply(
    context,
    'Collection(Edm.String)',
    groups.map(({ id }) => id),
  )
}
