import { limits } from '../core/limits.ts'
import { route } from './route.ts'
import { Closed, Id, Nullable, Text } from './schemas.ts'
import { Type } from './type.ts'

const type = 'data/EgressPolicy'
const params = Closed({ nodeId: Id })
const path = '/v1/nodes/{nodeId}/egress'
const Port = Type.Integer({ minimum: 1, maximum: 65_535 })
const Ports = Type.Union([
  Type.Literal('usual'),
  Type.Literal('any'),
  Type.Array(Port, { minItems: 1, maxItems: limits.egressPortsMax }),
])
/** `public`, a host, `*.example.com`, or a range in CIDR form. */
const Target = Text({ minLength: 1, maxLength: 255 })

/**
 * Where tenants at a node and below it may be sent to besides Microsoft. `from` says where the list
 * stands: at the node itself, above it, or nowhere, so that what Patchbay begins with is in force.
 * `rules` is null where the list belongs to a node above your scope. A rule is `narrowed` when a
 * list above has none as wide: what it lets through may be less than it says.
 */
export const EgressPolicy = Closed({
  nodeId: Id,
  from: Type.Enum(['node', 'above', 'default']),
  rules: Nullable(
    Type.Array(Closed({ target: Type.String(), ports: Ports, narrowed: Type.Boolean() })),
  ),
})

export const egressRoutes = {
  show: route({
    name: 'egress.show',
    method: 'GET',
    path,
    summary: 'Where tenants at a node and below it may be sent to besides Microsoft',
    permission: { operation: 'Read', type },
    params,
    answer: EgressPolicy,
    status: 200,
  }),
  allow: route({
    name: 'egress.allow',
    method: 'POST',
    path: `${path}/allow`,
    summary: 'Add a host or range to the list of a node, within what the nodes above it allow',
    permission: { operation: 'Update', type },
    params,
    body: Closed({ target: Target, ports: Type.Optional(Ports) }),
    answer: EgressPolicy,
    status: 200,
  }),
  forbid: route({
    name: 'egress.forbid',
    method: 'POST',
    path: `${path}/forbid`,
    summary: 'Take a host or range off the list of a node',
    permission: { operation: 'Update', type },
    params,
    body: Closed({ target: Target }),
    answer: EgressPolicy,
    status: 200,
  }),
  inherit: route({
    name: 'egress.inherit',
    method: 'DELETE',
    path,
    summary: 'Drop the list of a node: what the node above it has is in force again',
    permission: { operation: 'Update', type },
    params,
    answer: EgressPolicy,
    status: 200,
  }),
}
