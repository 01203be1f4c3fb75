import { Allowed } from './allowed.ts'
import { route } from './route.ts'
import {
  AnyJson,
  AnyObject,
  Closed,
  Id,
  Nullable,
  PageOf,
  pageQuery,
  Text,
  Time,
} from './schemas.ts'
import { Type } from './type.ts'

const Segment = Text({ minLength: 1, maxLength: 64 })
const type = 'device/{application}/{name}'

export const Resource = Closed({
  key: Type.String(),
  model: Type.String(),
  name: Type.String(),
  columns: AnyObject,
  changedAt: Time,
})

const Edge = Closed({ kind: Type.String(), key: Type.String(), name: Nullable(Type.String()) })

export const ResourceDetail = Closed({
  key: Type.String(),
  model: Type.String(),
  name: Type.String(),
  changedAt: Time,
  removedAt: Nullable(Time),
  allowed: Allowed,
  data: AnyObject,
  links: Type.Array(Edge),
  linkedFrom: Type.Array(Edge),
})

const place = { tenantId: Id, application: Segment, name: Segment }
/** A key, or the value of a column that only one object has: a user principal name, say. */
const ref = Text({ minLength: 1, maxLength: 512 })

export const resourceRoutes = {
  list: route({
    name: 'resource.list',
    method: 'GET',
    path: '/v1/tenants/{tenantId}/resources/device/{application}/{name}',
    summary: 'Objects of a model as last synced',
    permission: { operation: 'Read', type },
    params: Closed(place),
    query: Closed({
      ...pageQuery,
      search: Type.Optional(Text({ maxLength: 255 })),
      filter: Type.Optional(
        Type.Array(Text({ maxLength: 512 }), {
          maxItems: 20,
          description:
            'column=value, all of several: = != ^= (begins with) *= (contains) < <= > >=, without regard to case; no value means none',
        }),
      ),
      sort: Type.Optional(
        Type.String({
          pattern: '^-?[A-Za-z][A-Za-z0-9]{0,63}$',
          description: 'a column, with - before it for the reverse; by name when absent',
        }),
      ),
    }),
    answer: Closed({
      items: Type.Array(Resource),
      next: Nullable(Type.String()),
      count: Type.Integer(),
      countIsExact: Type.Boolean(),
    }),
    status: 200,
  }),
  show: route({
    name: 'resource.show',
    method: 'GET',
    path: '/v1/tenants/{tenantId}/resources/device/{application}/{name}/{ref}',
    summary: 'One object with its links, by key or by the value of a column only it has',
    permission: { operation: 'Read', type },
    params: Closed({ ...place, ref }),
    answer: ResourceDetail,
    status: 200,
  }),
  history: route({
    name: 'resource.history',
    method: 'GET',
    path: '/v1/tenants/{tenantId}/resources/device/{application}/{name}/{ref}/history',
    summary: 'What changed on one object, when and by which sync or transaction',
    permission: { operation: 'Read', type },
    params: Closed({ ...place, ref }),
    query: Closed(pageQuery),
    answer: PageOf(
      Closed({
        at: Time,
        cause: Type.String(),
        changes: Type.Array(Closed({ property: Type.String(), before: AnyJson, after: AnyJson })),
      }),
    ),
    status: 200,
  }),
}
