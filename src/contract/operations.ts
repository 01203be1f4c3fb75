import { route } from './route.ts'
import { Closed, Id, Text, Time } from './schemas.ts'
import { Type } from './type.ts'

/** What keeps the system running: jobs, events, figures, health. */
export const jobRoutes = {
  list: route({
    name: 'job.list',
    method: 'GET',
    path: '/v1/jobs',
    summary: 'Syncs and transactions that wait or run, and the workers that live',
    permission: { operation: 'Read', type: 'data/Job' },
    answer: Closed({
      jobs: Type.Array(
        Closed({
          kind: Type.Union([Type.Literal('sync'), Type.Literal('transaction')]),
          id: Id,
          tenantId: Id,
          state: Type.String(),
          requestedAt: Time,
        }),
      ),
      workers: Type.Array(Closed({ id: Type.String(), startedAt: Time, seenAt: Time })),
    }),
    status: 200,
  }),
}

const EventId = Text({ maxLength: 64 })

export const eventRoutes = {
  stream: route({
    name: 'event.stream',
    method: 'GET',
    path: '/v1/events',
    summary: 'Events as they happen (server-sent); resumes behind Last-Event-ID',
    permission: { operation: 'Read', type: 'data/Event' },
    headers: Type.Object({ 'last-event-id': Type.Optional(EventId) }),
    query: Closed({
      subject: Type.Optional(Text({ maxLength: 64 })),
      after: Type.Optional(EventId),
    }),
    status: 200,
    produces: 'text/event-stream',
  }),
}

export const metricsRoutes = {
  show: route({
    name: 'metrics.show',
    method: 'GET',
    path: '/metrics',
    summary: 'Figures of this process, as Prometheus reads them',
    permission: { operation: 'Read', type: 'data/Metrics' },
    watched: true,
    status: 200,
    produces: 'text/plain',
  }),
}

export const healthRoutes = {
  live: route({
    name: 'health.live',
    method: 'GET',
    path: '/health/live',
    summary: 'The process answers',
    permission: 'open',
    answer: Closed({ status: Type.Literal('live') }),
    status: 200,
  }),
  ready: route({
    name: 'health.ready',
    method: 'GET',
    path: '/health/ready',
    summary: 'The database answers and the schema is current',
    permission: 'open',
    answer: Closed({ status: Type.Literal('ready') }),
    status: 200,
  }),
}
