import type { Api } from '../../contract/api.ts'
import { createNode, listNodes, readNode, renameNode } from '../../features/hierarchy/nodes.ts'
import { deleteNode, moveNode } from '../../features/hierarchy/shape.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

export function nodeHandlers({ store }: ServerDependencies): Handlers<Api>['node'] {
  const { db } = store
  return {
    list: (actor, { query }) => listNodes(actor, db, query),
    create: (actor, { body }) => createNode(actor, db, body),
    show: (actor, { params }) => readNode(actor, db, params.nodeId),
    rename: (actor, { params, body }) => renameNode(actor, db, { ...params, ...body }),
    move: (actor, { params, body }) => moveNode(actor, db, { ...params, ...body }),
    delete: (actor, { params, query }) => deleteNode(actor, db, { ...params, ...query }),
  }
}
