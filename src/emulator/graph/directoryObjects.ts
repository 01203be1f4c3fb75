import { graphPages } from '../../catalogue/graphLimits.ts'
import type { Reply } from '../exchange.ts'
import { typedProjector } from '../odata/project.ts'
import { readBody } from './body.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { badRequest } from './errors.ts'
import { contextUrl, graphReply } from './reply.ts'

export const directoryObjectRoutes: readonly GraphRoute[] = [
  { method: 'POST', path: '/directoryObjects/getByIds', answer: answerByIds },
]

/** `{ids, types}`: those that exist, in no promised order, on one page. */
function answerByIds(context: GraphCallContext): Reply {
  const { tenant, request, options } = context
  const { ids, types = ['directoryObject'] } = readBody(request)
  if (!Array.isArray(ids) || !Array.isArray(types)) throw badRequest("'ids' is required.")
  if (ids.length > graphPages.idsMax) {
    throw badRequest(`Too many identifiers in the query: at most ${graphPages.idsMax}.`)
  }
  const wanted = (type: string) => types.includes('directoryObject') || types.includes(type)
  const found = ids.flatMap((id) => {
    const object = tenant.byId.get(String(id).toLowerCase())
    return object !== undefined && wanted(object.type) ? [object] : []
  })
  const show = typedProjector(tenant, ['user', 'group'], options.get('$select'), true)
  const body = {
    '@odata.context': contextUrl(request.host, 'directoryObjects'),
    value: [...new Set(found)].map(show),
  }
  const shape = { type: 'directoryObject', many: true }
  return graphReply(200, JSON.stringify(body), shape, found.length)
}
