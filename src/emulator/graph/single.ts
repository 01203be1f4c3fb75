import type { Entity } from '../directory/types.ts'
import type { Reply } from '../exchange.ts'
import { expander, readExpand, shownIn } from '../odata/expand.ts'
import { typedProjector } from '../odata/project.ts'
import type { GraphCallContext } from './context.ts'
import { contextUrl, directoryObjectUrl, graphReply } from './reply.ts'

/** Answers one object with `$select` and `$expand`. */
export function singleReply(
  context: GraphCallContext,
  entity: Entity,
  contextName: string,
  more: { status?: number; marked?: boolean } = {},
): Reply {
  const { options, request, tenant } = context
  const select = options.get('$select')
  const { type } = entity
  const show = typedProjector(tenant, [type], select, more.marked === true)
  const expansions = readExpand(type, options.get('$expand'))
  const expand = expander(tenant, type, expansions)
  const named = contextName + shownIn(select, expansions)
  const body = {
    '@odata.context': contextUrl(request, `${named}/$entity`),
    ...expand(entity, show(entity)),
  }
  const reply = graphReply(more.status ?? 200, JSON.stringify(body), { type, many: false }, 1)
  const kept = type === 'user' || type === 'group'
  if (more.status === 201 && kept) reply.headers.location = directoryObjectUrl(context, entity)
  return reply
}
