import { type DeletedObject, type DirectoryObject, textOf } from '../directory/types.ts'
import { purgeObject, restoreObject } from '../directory/write.ts'
import { notFound, refuse } from '../graphErrors.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { countReply, type ListSource, listReply } from './list.ts'
import { noContent } from './reply.ts'
import { singleReply } from './single.ts'
import { requireHigherRole } from './userRights.ts'
import { userConflict } from './userWrites.ts'

type Type = DirectoryObject['type']

/** Any one of them, by what the object is; without a type, where it is not known yet. */
const readers: Readonly<Record<Type, readonly string[]>> = {
  user: ['User.Read.All', 'User.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
  group: ['Group.Read.All', 'Group.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
}
const writers: Readonly<Record<Type, readonly string[]>> = {
  user: ['User.DeleteRestore.All', 'User.ReadWrite.All'],
  group: ['Group.ReadWrite.All'],
}

export const deletedItemRoutes: readonly GraphRoute[] = [
  ...(['user', 'group'] as const).flatMap((type): GraphRoute[] => {
    const path = `/directory/deletedItems/microsoft.graph.${type}`
    return [
      {
        method: 'GET',
        path,
        answer: (context) => listReply(context, deletedList(context, type)),
      },
      {
        method: 'GET',
        path: `${path}/$count`,
        needs: path,
        answer: (context) => countReply(context, deletedList(context, type)),
      },
    ]
  }),
  {
    method: 'GET',
    path: '/directory/deletedItems/{id}',
    needs: Object.values(readers).flat(),
    answer: (context) => {
      const { object } = deletedOf(context, readers)
      return singleReply(context, object, 'directoryObjects', { marked: true })
    },
  },
  {
    method: 'POST',
    path: '/directory/deletedItems/{id}/restore',
    needs: Object.values(writers).flat(),
    answer: (context) => {
      const kept = deletedOf(context, writers)
      const { object } = kept
      refuseConflict(context, kept)
      if (object.type === 'user') requireHigherRole(context, object)
      restoreObject(context.tenant, object.id)
      return singleReply(context, object, 'directoryObjects', { marked: true })
    },
  },
  {
    method: 'DELETE',
    path: '/directory/deletedItems/{id}',
    needs: Object.values(writers).flat(),
    answer: (context) => {
      const { object } = deletedOf(context, writers)
      if (object.type === 'user') requireHigherRole(context, object)
      purgeObject(context.tenant, object.id)
      return noContent()
    },
  },
]

function deletedList({ tenant }: GraphCallContext, type: Type): ListSource {
  const items = [...tenant.deleted.values()]
    .map(({ object }) => object)
    .filter((object) => object.type === type)
    .sort((a, b) => a.seq - b.seq)
  return { types: [type], items, contextName: 'directoryObjects', marked: true }
}

function deletedOf(
  { params, tenant, claims }: GraphCallContext,
  allowed: Readonly<Record<Type, readonly string[]>>,
): DeletedObject {
  const [id = ''] = params
  const found = tenant.deleted.get(id.toLowerCase())
  if (found === undefined) throw notFound(id)
  if (!allowed[found.object.type].some((name) => claims.roles.includes(name))) {
    throw refuse('missing permission (directory)')
  }
  return found
}

/** A name may have been given to somebody else in the meantime. */
function refuseConflict({ tenant }: GraphCallContext, kept: DeletedObject): void {
  const { object, userPrincipalName } = kept
  if (object.type === 'user') {
    const taken = tenant.byUpn.get(userPrincipalName.toLowerCase()) !== undefined
    if (taken) throw userConflict('userPrincipalName')
    return
  }
  const nickname = textOf(object, 'mailNickname').toLowerCase()
  if (tenant.groups.some((other) => textOf(other, 'mailNickname').toLowerCase() === nickname)) {
    throw userConflict('mailNickname')
  }
}
