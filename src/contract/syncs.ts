import { route } from './route.ts'
import { Closed, Id, Nullable, PageOf, pageQuery, Text, Time } from './schemas.ts'
import { Type } from './type.ts'

const type = 'data/DataSync'
const params = Closed({ syncId: Id })
const ModelType = Text({ minLength: 1, maxLength: 128 })
const Count = Type.Integer({ minimum: 0 })

export const Failure = Closed({ code: Type.String(), message: Type.String() })

const counts = {
  added: Count,
  updated: Count,
  removed: Count,
  unchanged: Count,
  rejected: Count,
  requests: Count,
}

export const Sync = Closed({
  id: Id,
  tenantId: Id,
  state: Type.String(),
  fullList: Type.Boolean(),
  requestedBy: Type.String(),
  requestedAt: Time,
  startedAt: Nullable(Time),
  endedAt: Nullable(Time),
  error: Nullable(Failure),
  models: Type.Array(
    Closed({
      model: Type.String(),
      phase: Type.String(),
      ...counts,
      startedAt: Nullable(Time),
      endedAt: Nullable(Time),
      error: Nullable(Failure),
    }),
  ),
})

export const removalStates = ['due', 'held', 'approved', 'refused', 'done', 'disproved'] as const

const Removal = Closed({
  id: Id,
  model: Type.String(),
  key: Type.String(),
  name: Type.String(),
  reason: Type.String(),
  state: Type.String(),
})

export const syncRoutes = {
  start: route({
    name: 'sync.start',
    method: 'POST',
    path: '/v1/tenants/{tenantId}/syncs',
    summary: 'Sync All, or the models named; joins the sync that is already under way',
    permission: { operation: 'Execute', type },
    params: Closed({ tenantId: Id }),
    body: Closed({
      models: Type.Optional(Type.Array(ModelType, { minItems: 1, maxItems: 200 })),
      fullList: Type.Optional(Type.Boolean({ default: false })),
    }),
    answer: Sync,
    status: 202,
  }),
  list: route({
    name: 'sync.list',
    method: 'GET',
    path: '/v1/syncs',
    summary: 'Syncs, newest first',
    permission: { operation: 'Read', type },
    query: Closed({ ...pageQuery, tenantId: Type.Optional(Id) }),
    answer: PageOf(Sync),
    status: 200,
  }),
  show: route({
    name: 'sync.show',
    method: 'GET',
    path: '/v1/syncs/{syncId}',
    summary: 'One sync with its counts per model',
    permission: { operation: 'Read', type },
    params,
    answer: Sync,
    status: 200,
  }),
  cancel: route({
    name: 'sync.cancel',
    method: 'POST',
    path: '/v1/syncs/{syncId}/cancel',
    summary: 'Stop a sync after the page it is at; what was read stays',
    permission: { operation: 'Execute', type },
    params,
    answer: Sync,
    status: 202,
  }),
  rejected: route({
    name: 'sync.rejected',
    method: 'GET',
    path: '/v1/syncs/{syncId}/rejected',
    summary: 'Objects that were not taken in, each with its reason',
    permission: { operation: 'Read', type },
    params,
    query: Closed(pageQuery),
    answer: PageOf(
      Closed({
        model: Type.String(),
        key: Nullable(Type.String()),
        reason: Type.String(),
        at: Time,
      }),
    ),
    status: 200,
  }),
  removals: route({
    name: 'sync.removals',
    method: 'GET',
    path: '/v1/syncs/{syncId}/removals',
    summary: 'Objects this sync found gone, with what became of each',
    permission: { operation: 'Read', type },
    params,
    query: Closed({ ...pageQuery, state: Type.Optional(Type.Enum(removalStates)) }),
    answer: PageOf(Removal),
    status: 200,
  }),
  decide: route({
    name: 'sync.decide',
    method: 'POST',
    path: '/v1/syncs/{syncId}/removals',
    summary: 'Approve or refuse the held removals; approved ones are checked again first',
    permission: { operation: 'Delete', type },
    params,
    body: Closed({
      decision: Type.Union([Type.Literal('approve'), Type.Literal('refuse')]),
      models: Type.Optional(Type.Array(ModelType, { minItems: 1, maxItems: 200 })),
    }),
    answer: Sync,
    status: 202,
  }),
}
