import { route } from './route.ts'
import { AnyObject, Closed, Id, Nullable, PageOf, Text } from './schemas.ts'
import { Type } from './type.ts'

const type = 'data/SyncScope'
const Segment = Text({ minLength: 1, maxLength: 64 })

export const SyncScope = Closed({ model: Type.String(), filter: Nullable(AnyObject) })

/** What of a model the syncs of a tenant take in. */
export const syncScopeRoutes = {
  list: route({
    name: 'syncScope.list',
    method: 'GET',
    path: '/v1/tenants/{tenantId}/sync-scopes',
    summary: 'The models of which syncs take in only a part',
    permission: { operation: 'Read', type },
    params: Closed({ tenantId: Id }),
    answer: PageOf(SyncScope),
    status: 200,
  }),
  set: route({
    name: 'syncScope.set',
    method: 'PUT',
    path: '/v1/tenants/{tenantId}/sync-scopes/device/{application}/{name}',
    summary: 'Say what of a model syncs take in, by a filter; null: everything',
    permission: { operation: 'Update', type },
    params: Closed({ tenantId: Id, application: Segment, name: Segment }),
    body: Closed({
      filter: Nullable(Type.Record(Type.String(), Type.Unknown(), { maxProperties: 20 })),
    }),
    answer: SyncScope,
    status: 200,
  }),
}
