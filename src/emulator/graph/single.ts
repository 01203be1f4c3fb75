import type { Entity } from '../directory/types.ts'
import type { Reply } from '../exchange.ts'
import { projector } from '../odata/project.ts'
import { readSelect } from '../odata/select.ts'
import type { GraphCallContext } from './context.ts'
import { contextUrl, graphReply } from './reply.ts'

/** Answers one object with `$select`. */
export function singleReply(
  context: GraphCallContext,
  entity: Entity,
  contextName: string,
  status = 200,
): Reply {
  const { options, request, tenant } = context
  const select = readSelect(entity.type, options.get('$select'))
  const selected = options.has('$select') ? `(${select.join(',')})` : ''
  const body = {
    '@odata.context': contextUrl(request.host, `${contextName}${selected}/$entity`),
    ...projector(tenant, entity.type, select)(entity),
  }
  return graphReply(status, JSON.stringify(body), { type: entity.type, many: false }, 1)
}
