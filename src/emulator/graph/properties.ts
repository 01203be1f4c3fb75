import { entityType } from '../../catalogue/graph.ts'
import { propertyReader } from '../directory/computed.ts'
import type { DirectoryObject } from '../directory/types.ts'
import type { Reply } from '../exchange.ts'
import { segmentNotFound } from '../graphErrors.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { groupOf } from './groups.ts'
import { noContent, valueReply } from './reply.ts'
import { userOf } from './users.ts'

/** One property of an object by its own address, `/users/{id}/displayName`, or its bare value. */
export const propertyRoutes: readonly GraphRoute[] = [
  ...readers('/users/{id}', 'users', userOf),
  ...readers('/groups/{id}', 'groups', groupOf),
]

/** Any name fits these: they come last, and a method they do not have is not theirs to refuse. */
export function isPropertyRoute({ path }: GraphRoute): boolean {
  return path.includes('{property}')
}

function readers(
  base: string,
  set: string,
  from: (context: GraphCallContext) => DirectoryObject,
): GraphRoute[] {
  const path = `${base}/{property}`
  return [
    {
      method: 'GET',
      path,
      needs: base,
      answer: (context) => {
        const { name, value, id } = propertyOf(context, from)
        if (value === null) return noContent()
        return valueReply(context, `${set}('${id}')/${name}`, value)
      },
    },
    {
      method: 'GET',
      path: `${path}/$value`,
      needs: base,
      answer: (context): Reply => {
        const { value } = propertyOf(context, from)
        if (value === null) return noContent()
        const body = typeof value === 'object' ? JSON.stringify(value) : String(value)
        return { status: 200, headers: { 'content-type': 'text/plain' }, body, rows: 1 }
      },
    },
  ]
}

function propertyOf(
  context: GraphCallContext,
  from: (context: GraphCallContext) => DirectoryObject,
) {
  const { params, tenant } = context
  const [, asked = ''] = params
  const object = from(context)
  const property = entityType(object.type)?.byName.get(asked.toLowerCase())
  if (property === undefined) throw segmentNotFound(asked)
  const { name, many } = property
  const value = propertyReader(object.type, name, many)(tenant, object)
  return { name, id: object.id, value }
}
