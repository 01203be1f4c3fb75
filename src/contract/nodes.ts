import { nodeKinds } from '../core/hierarchy.ts'
import { route } from './route.ts'
import { Closed, Id, Nullable, PageOf, pageQuery, Text, Time } from './schemas.ts'
import { Type } from './type.ts'

const NodeName = Text({ minLength: 1, maxLength: 255 })
const Kind = Type.Enum(nodeKinds)

export const Node = Closed({
  id: Id,
  parentId: Nullable(Id),
  kind: Kind,
  name: Type.String(),
  path: Type.String(),
  createdAt: Time,
})

const params = Closed({ nodeId: Id })
const type = 'relation/HierarchyNode'

export const nodeRoutes = {
  list: route({
    name: 'node.list',
    method: 'GET',
    path: '/v1/nodes',
    summary: 'The nodes within your scope, parents before children',
    permission: { operation: 'Read', type },
    query: Closed(pageQuery),
    answer: PageOf(Node),
    status: 200,
  }),
  create: route({
    name: 'node.create',
    method: 'POST',
    path: '/v1/nodes',
    summary: 'Create a node below another',
    permission: { operation: 'Create', type },
    body: Closed({ parentId: Id, kind: Kind, name: NodeName }),
    answer: Node,
    status: 201,
  }),
  show: route({
    name: 'node.show',
    method: 'GET',
    path: '/v1/nodes/{nodeId}',
    summary: 'One node',
    permission: { operation: 'Read', type },
    params,
    answer: Node,
    status: 200,
  }),
  rename: route({
    name: 'node.rename',
    method: 'PATCH',
    path: '/v1/nodes/{nodeId}',
    summary: 'Rename a node',
    permission: { operation: 'Update', type },
    params,
    body: Closed({ name: NodeName }),
    answer: Node,
    status: 200,
  }),
  move: route({
    name: 'node.move',
    method: 'POST',
    path: '/v1/nodes/{nodeId}/move',
    summary: 'Move a node, with everything below it, under another parent',
    permission: { operation: 'Update', type },
    params,
    body: Closed({ parentId: Id, confirm: Type.Optional(NodeName) }),
    answer: Node,
    status: 200,
  }),
  delete: route({
    name: 'node.delete',
    method: 'DELETE',
    path: '/v1/nodes/{nodeId}',
    summary: 'Delete a node that holds no tenant and no node below it',
    permission: { operation: 'Delete', type },
    params,
    query: Closed({ confirm: Type.Optional(NodeName) }),
    status: 204,
  }),
}
