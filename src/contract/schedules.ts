import { limits } from '../core/limits.ts'
import { route } from './route.ts'
import { Closed, Id, Nullable, PageOf, pageQuery, Text, Time } from './schemas.ts'
import { Type } from './type.ts'

const type = 'data/Schedule'
const params = Closed({ scheduleId: Id })
const Models = Type.Array(Text({ minLength: 1, maxLength: 128 }), { maxItems: 200 })

const what = {
  models: Type.Optional(
    Type.Array(Text({ minLength: 1, maxLength: 128 }), {
      maxItems: 200,
      description: 'Empty: every model there is when it is due',
    }),
  ),
  fullList: Type.Optional(Type.Boolean()),
}

/** An interval or an expression, one of the two. */
const when = {
  everyMinutes: Type.Optional(
    Nullable(Type.Integer({ minimum: 1, maximum: limits.scheduleMinutesMax })),
  ),
  cron: Type.Optional(
    Nullable(
      Text({
        minLength: 9,
        maxLength: 128,
        title: 'Minute, hour, day of month, month, day of week, such as 30 2 * * MON-FRI',
      }),
    ),
  ),
  timeZone: Type.Optional(
    Text({
      minLength: 1,
      maxLength: 64,
      title: 'By its name in the IANA database, such as Europe/Berlin; UTC when absent',
    }),
  ),
}

const Name = Text({ minLength: 1, maxLength: 255 })

export const Schedule = Closed({
  id: Id,
  tenantId: Id,
  name: Type.String(),
  models: Models,
  fullList: Type.Boolean(),
  everyMinutes: Nullable(Type.Integer()),
  cron: Nullable(Type.String()),
  timeZone: Type.String(),
  paused: Type.Boolean(),
  pausedWhy: Nullable(Type.String()),
  dueAt: Nullable(Time),
  lastDueAt: Nullable(Time),
  lastSyncId: Nullable(Id),
  actsAs: Type.String(),
  createdAt: Time,
})

export const scheduleRoutes = {
  list: route({
    name: 'schedule.list',
    method: 'GET',
    path: '/v1/schedules',
    summary: 'Schedules within your scope, each with when it is next due',
    permission: { operation: 'Read', type },
    query: Closed({ ...pageQuery, tenantId: Type.Optional(Id) }),
    answer: PageOf(Schedule),
    status: 200,
  }),
  create: route({
    name: 'schedule.create',
    method: 'POST',
    path: '/v1/tenants/{tenantId}/schedules',
    summary: 'Sync a tenant by itself, with the rights you have each time',
    permission: { operation: 'Create', type },
    params: Closed({ tenantId: Id }),
    body: Closed({ name: Name, ...what, ...when }),
    answer: Schedule,
    status: 201,
  }),
  show: route({
    name: 'schedule.show',
    method: 'GET',
    path: '/v1/schedules/{scheduleId}',
    summary: 'One schedule',
    permission: { operation: 'Read', type },
    params,
    answer: Schedule,
    status: 200,
  }),
  update: route({
    name: 'schedule.update',
    method: 'PATCH',
    path: '/v1/schedules/{scheduleId}',
    summary: 'Change a schedule; from then on it acts with your rights',
    permission: { operation: 'Update', type },
    params,
    body: Closed({ name: Type.Optional(Name), ...what, ...when }),
    answer: Schedule,
    status: 200,
  }),
  pause: route({
    name: 'schedule.pause',
    method: 'POST',
    path: '/v1/schedules/{scheduleId}/pause',
    summary: 'Let a schedule rest; a sync that is under way goes on',
    permission: { operation: 'Update', type },
    params,
    answer: Schedule,
    status: 200,
  }),
  resume: route({
    name: 'schedule.resume',
    method: 'POST',
    path: '/v1/schedules/{scheduleId}/resume',
    summary: 'Let a schedule go on, next at its next time; it acts with your rights then',
    permission: { operation: 'Update', type },
    params,
    answer: Schedule,
    status: 200,
  }),
  delete: route({
    name: 'schedule.delete',
    method: 'DELETE',
    path: '/v1/schedules/{scheduleId}',
    summary: 'Remove a schedule; a sync that is under way goes on',
    permission: { operation: 'Delete', type },
    params,
    status: 204,
  }),
}

const ruleType = 'data/SyncRule'
const Segment = Text({ minLength: 1, maxLength: 64 })

/** `read`: the model as a whole; the others: what is done to our copy of its objects. */
export const disableable = ['read', 'add', 'update', 'remove'] as const
const Disabled = Type.Array(Type.Enum(disableable), { maxItems: disableable.length })

export const SyncRule = Closed({ model: Type.String(), disabled: Disabled })

/** What syncs leave undone in our copy of a tenant. */
export const syncRuleRoutes = {
  list: route({
    name: 'syncRule.list',
    method: 'GET',
    path: '/v1/tenants/{tenantId}/sync-rules',
    summary: 'The models of which syncs leave something undone in the copy of this tenant',
    permission: { operation: 'Read', type: ruleType },
    params: Closed({ tenantId: Id }),
    answer: PageOf(SyncRule),
    status: 200,
  }),
  set: route({
    name: 'syncRule.set',
    method: 'PUT',
    path: '/v1/tenants/{tenantId}/sync-rules/device/{application}/{name}',
    summary: 'Say what syncs leave undone of a model, or that they leave it out; nothing: lifts it',
    permission: { operation: 'Update', type: ruleType },
    params: Closed({ tenantId: Id, application: Segment, name: Segment }),
    body: Closed({ disabled: Disabled }),
    answer: SyncRule,
    status: 200,
  }),
}
