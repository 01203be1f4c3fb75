import { relations } from '../directory/relations.ts'
import type { DirectoryObject, Entity } from '../directory/types.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { countReply, type ListSource, listReply } from './list.ts'
import { directoryObjectUrl } from './reply.ts'

export interface RelationRoutes {
  /** `/users/{id}`. */
  base: string
  type: 'user' | 'group'
  name: string
  /** As in a route; the relation's own path unless given. */
  needs?: string
  from(context: GraphCallContext): DirectoryObject
}

/**
 * Everything a many-valued relation is read by: the list, its count, only the ends of one type
 * (which is then a list of that type with all it can do), and bare references.
 */
export function relationRoutes(given: RelationRoutes): GraphRoute[] {
  const { base, type, name, from } = given
  const path = `${base}/${name}`
  const needs = given.needs ?? path
  const relation = relations[type]?.[name]
  if (relation === undefined) throw new Error(`There is no relation ${name} of ${type}.`)
  const [first = 'user', ...others] = relation.types
  const read = (context: GraphCallContext) => relation.read(context.tenant, from(context))
  const whole = (context: GraphCallContext): ListSource => ({
    types: [first, ...others],
    items: read(context),
    contextName: 'directoryObjects',
    marked: true,
  })
  return [
    ...listRoutes(path, needs, whole),
    ...relation.types.flatMap((one) =>
      listRoutes(`${path}/microsoft.graph.${one}`, needs, (context) => ({
        types: [one],
        items: read(context).filter((end) => end.type === one),
        contextName: `${one}s`,
      })),
    ),
    {
      method: 'GET',
      path: `${path}/$ref`,
      needs,
      answer: (context) => {
        const reference = (entity: Entity) => ({ '@odata.id': directoryObjectUrl(context, entity) })
        return listReply(context, {
          ...whole(context),
          contextName: 'Collection($ref)',
          show: reference,
        })
      },
    },
  ]
}

function listRoutes(
  path: string,
  needs: string,
  source: (context: GraphCallContext) => ListSource,
): GraphRoute[] {
  return [
    { method: 'GET', path, needs, answer: (context) => listReply(context, source(context)) },
    {
      method: 'GET',
      path: `${path}/$count`,
      needs,
      answer: (context) => countReply(context, source(context)),
    },
  ]
}
