import { limits } from '../core/limits.ts'
import { route } from './route.ts'
import { Closed, Id, Nullable, PageOf, pageQuery, Time } from './schemas.ts'
import { Failure } from './syncs.ts'
import { Type } from './type.ts'

/** Where Microsoft tells of changes. It is a hint: a model becomes due sooner, and nothing else. */
export const notificationRoutes = {
  receive: route({
    name: 'notification.receive',
    method: 'POST',
    path: '/v1/notifications',
    summary: 'Takes change notifications of Microsoft; answers the same whatever they say',
    permission: 'open',
    query: Closed({
      validationToken: Type.Optional(Type.String({ maxLength: limits.fieldCharsMax })),
    }),
    status: 202,
    produces: 'text/plain',
    foreign: true,
  }),
}

const type = 'data/Subscription'

export const subscriptionRoutes = {
  list: route({
    name: 'subscription.list',
    method: 'GET',
    path: '/v1/subscriptions',
    summary: 'What Microsoft was asked to notify of, until when, and what went wrong',
    permission: { operation: 'Read', type },
    query: Closed({ ...pageQuery, tenantId: Type.Optional(Id) }),
    answer: PageOf(
      Closed({
        id: Id,
        tenantId: Id,
        model: Type.String(),
        active: Type.Boolean(),
        expiresAt: Nullable(Time),
        nextAt: Time,
        error: Nullable(Failure),
      }),
    ),
    status: 200,
  }),
}
