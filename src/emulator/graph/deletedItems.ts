import type { DeletedObject, DirectoryObject } from '../directory/types.ts'
import { purgeObject, restoreObject } from '../directory/write.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { notFound } from './errors.ts'
import { listReply } from './list.ts'
import { noContent } from './reply.ts'
import { singleReply } from './single.ts'
import { requireHigherRole } from './userRights.ts'
import { userConflict } from './userWrites.ts'

const readers = [
  'User.Read.All',
  'User.ReadWrite.All',
  'Group.Read.All',
  'Group.ReadWrite.All',
  'Directory.Read.All',
]
const writers = ['User.DeleteRestore.All', 'User.ReadWrite.All', 'Group.ReadWrite.All']

export const deletedItemRoutes: readonly GraphRoute[] = [
  ...(['user', 'group'] as const).map(
    (type): GraphRoute => ({
      method: 'GET',
      path: `/directory/deletedItems/microsoft.graph.${type}`,
      answer: (context) =>
        listReply(context, {
          types: [type],
          items: deletedObjects(context, type),
          contextName: 'directoryObjects',
          marked: true,
        }),
    }),
  ),
  {
    method: 'GET',
    path: '/directory/deletedItems/{id}',
    needs: readers,
    answer: (context) => {
      const { object } = deletedOf(context)
      return singleReply(context, object, 'directoryObjects', { marked: true })
    },
  },
  {
    method: 'POST',
    path: '/directory/deletedItems/{id}/restore',
    needs: writers,
    answer: (context) => {
      const { object, userPrincipalName } = deletedOf(context)
      if (context.tenant.byUpn.get(userPrincipalName.toLowerCase()) !== undefined) {
        throw userConflict('userPrincipalName')
      }
      if (object.type === 'user') requireHigherRole(context, object)
      restoreObject(context.tenant, object.id)
      return singleReply(context, object, 'directoryObjects', { marked: true })
    },
  },
  {
    method: 'DELETE',
    path: '/directory/deletedItems/{id}',
    needs: writers,
    answer: (context) => {
      purgeObject(context.tenant, deletedOf(context).object.id)
      return noContent()
    },
  },
]

function deletedObjects(context: GraphCallContext, type: string): DirectoryObject[] {
  return [...context.tenant.deleted.values()]
    .map(({ object }) => object)
    .filter((object) => object.type === type)
    .sort((a, b) => a.seq - b.seq)
}

function deletedOf(context: GraphCallContext): DeletedObject {
  const [id = ''] = context.params
  const found = context.tenant.deleted.get(id.toLowerCase())
  if (found === undefined) throw notFound(id)
  return found
}
