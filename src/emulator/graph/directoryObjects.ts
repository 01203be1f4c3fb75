import { graphPages } from '../../catalogue/graphLimits.ts'
import { applicationOf, servicePrincipalsOf } from '../directory/applications.ts'
import type { Entity } from '../directory/types.ts'
import type { Reply } from '../exchange.ts'
import { badRequest, notFound } from '../graphErrors.ts'
import { typedProjector } from '../odata/project.ts'
import { readBody } from './body.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { contextUrl, graphReply } from './reply.ts'
import { singleReply } from './single.ts'

export const directoryObjectRoutes: readonly GraphRoute[] = [
  { method: 'POST', path: '/directoryObjects/getByIds', answer: answerByIds },
  {
    method: 'GET',
    path: '/directoryObjects/{id}',
    needs: ['Directory.Read.All', 'Directory.ReadWrite.All', 'User.Read.All', 'Group.Read.All'],
    answer: (context) => {
      const [id = ''] = context.params
      const found = finder(context)(id)
      if (found === undefined) throw notFound(id)
      return singleReply(context, found, 'directoryObjects', { marked: true })
    },
  },
]

/** `{ids, types}`: those that exist, in no promised order, on one page. */
function answerByIds(context: GraphCallContext): Reply {
  const { tenant, request, options } = context
  const { ids, types: asked = ['directoryObject'] } = readBody(request)
  if (!Array.isArray(ids) || !Array.isArray(asked)) throw badRequest("'ids' is required.")
  if (ids.length > graphPages.idsMax) {
    throw badRequest(`Too many identifiers in the query: at most ${graphPages.idsMax}.`)
  }
  const wanted = (type: string) => asked.includes('directoryObject') || asked.includes(type)
  const find = finder(context)
  const found = ids.flatMap((id) => {
    const object = find(String(id))
    return object !== undefined && wanted(object.type) ? [object] : []
  })
  const types = ['user', 'group', 'servicePrincipal', 'application']
  const show = typedProjector(tenant, types, options.get('$select'), true)
  const body = {
    '@odata.context': contextUrl(request, 'directoryObjects'),
    value: [...new Set(found)].map(show),
  }
  const shape = { type: 'directoryObject', many: true }
  return graphReply(200, JSON.stringify(body), shape, found.length)
}

/** By id, whatever it is; the few that are no person and no group are made once. */
function finder({ tenant }: GraphCallContext): (id: string) => Entity | undefined {
  const others = [applicationOf(tenant), ...servicePrincipalsOf(tenant)]
  const byId = new Map(others.map((entity) => [entity.id, entity]))
  return (id) => tenant.byId.get(id.toLowerCase()) ?? byId.get(id.toLowerCase())
}
