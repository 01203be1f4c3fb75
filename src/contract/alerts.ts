import type { AddressKind } from '../core/addressKind.ts'
import { route } from './route.ts'
import { Closed, Id, Nullable, PageOf, pageQuery, Time } from './schemas.ts'
import { Type } from './type.ts'

const type = 'data/AlertTarget'
const params = Closed({ targetId: Id })

/**
 * A mailbox by its plain address: what RFC 5321 would let in besides (quotes, comments, routes)
 * nobody has, and others would read as more than one.
 */
const MailAddress = Type.String({
  maxLength: 254,
  pattern: "^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\\-]{1,64}@[A-Za-z0-9\\-]+(\\.[A-Za-z0-9\\-]+)+$",
})

const Target = Closed({
  id: Id,
  nodeId: Id,
  kind: Type.Enum(['mail', 'webhook']),
  address: Type.String(),
  createdAt: Time,
  /** Of the newest delivery. */
  deliveredAt: Nullable(Time),
  error: Nullable(Type.String()),
})

export const alertRoutes = {
  list: route({
    name: 'alert.list',
    method: 'GET',
    path: '/v1/alert-targets',
    summary: 'Who is told of alerts within your scope, and how the last one fared',
    permission: { operation: 'Read', type },
    query: Closed(pageQuery),
    answer: PageOf(Target),
    status: 200,
  }),
  add: route({
    name: 'alert.add',
    method: 'POST',
    path: '/v1/alert-targets',
    summary: 'Have a mailbox or a webhook told of alerts at a node and below it',
    permission: { operation: 'Create', type },
    body: Closed({
      nodeId: Id,
      mail: Type.Optional(MailAddress),
      webhook: Type.Optional(
        Type.String({ minLength: 1, maxLength: 2_048, address: 'webhook' satisfies AddressKind }),
      ),
    }),
    /** `key` signs what a webhook gets (whsec_..., HMAC-SHA256) and is shown here alone. */
    answer: Closed({ target: Target, key: Nullable(Type.String()) }),
    status: 201,
  }),
  remove: route({
    name: 'alert.remove',
    method: 'DELETE',
    path: '/v1/alert-targets/{targetId}',
    summary: 'Tell a target no more; what was on its way is dropped',
    permission: { operation: 'Delete', type },
    params,
    status: 204,
  }),
  test: route({
    name: 'alert.test',
    method: 'POST',
    path: '/v1/alert-targets/{targetId}/test',
    summary: 'Send a target an alert that says it is a test, and tell whether it arrived',
    permission: { operation: 'Execute', type },
    params,
    answer: Closed({ delivered: Type.Boolean(), message: Type.String() }),
    status: 200,
  }),
}
