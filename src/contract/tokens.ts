import { limits } from '../core/limits.ts'
import { Permissions } from './access.ts'
import { route } from './route.ts'
import { Closed, Id, Nullable, PageOf, pageQuery, Text, Time } from './schemas.ts'
import { Type } from './type.ts'

const Token = Closed({
  id: Id,
  name: Type.String(),
  /** Null: the one made at the first start, which is nobody's. */
  personId: Nullable(Id),
  owner: Nullable(Type.String()),
  /** At and below the node of this path it may act, where its owner may. */
  scope: Type.String(),
  /** Null: whatever its owner may. */
  permissions: Nullable(Permissions),
  createdAt: Time,
  expiresAt: Nullable(Time),
  lastUsedAt: Nullable(Time),
})

export const tokenRoutes = {
  list: route({
    name: 'token.list',
    method: 'GET',
    path: '/v1/tokens',
    summary: 'Your access tokens, and those of the people you may manage',
    permission: 'signed-in',
    query: Closed(pageQuery),
    answer: PageOf(Token),
    status: 200,
  }),
  create: route({
    name: 'token.create',
    method: 'POST',
    path: '/v1/tokens',
    summary: 'A new access token, shown once: what its owner may, within what is said here',
    permission: 'signed-in',
    body: Closed({
      name: Text({ minLength: 1, maxLength: 255 }),
      /** Absent: yourself. */
      personId: Type.Optional(Id),
      /** At and below this node. Absent: wherever its owner may act. */
      nodeId: Type.Optional(Id),
      permissions: Type.Optional(Permissions),
      days: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.tokenDaysMax })),
    }),
    answer: Closed({ id: Id, token: Type.String(), expiresAt: Time }),
    status: 201,
  }),
  revoke: route({
    name: 'token.revoke',
    method: 'DELETE',
    path: '/v1/tokens/{tokenId}',
    summary: 'End an access token at once',
    permission: 'signed-in',
    params: Closed({ tokenId: Id }),
    status: 204,
  }),
}
