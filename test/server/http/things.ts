import { randomUUID } from 'node:crypto'
import type { InjectOptions } from 'fastify'
import Type from 'typebox'
import { route } from '../../../src/contract/route.ts'
import { AnyObject, Closed, Id, Text } from '../../../src/contract/schemas.ts'
import { type Actor, operations } from '../../../src/core/actor.ts'
import type { Clock } from '../../../src/core/clock.ts'
import { AppError } from '../../../src/core/errors.ts'
import type { Handlers, StreamedEvent } from '../../../src/http/handlers.ts'
import { createHttpServer, type RequestRecord } from '../../../src/http/server.ts'

/** A small API with one of everything, served in the process of its test file. */
const Thing = Closed({ id: Id, name: Type.String(), kind: Type.Enum(['a', 'b']) })

export const contract = {
  thing: {
    show: route({
      name: 'thing.show',
      method: 'GET',
      path: '/v1/things/{thingId}',
      summary: 'One thing',
      permission: { operation: 'Read', type: 'data/Thing' },
      params: Closed({ thingId: Id }),
      query: Closed({
        search: Type.Optional(Text({ maxLength: 10 })),
        wide: Type.Optional(Type.Boolean()),
        filter: Type.Optional(Type.Array(Text())),
      }),
      answer: Thing,
      status: 200,
    }),
    create: route({
      name: 'thing.create',
      method: 'POST',
      path: '/v1/things',
      summary: 'Make a thing',
      permission: { operation: 'Create', type: 'data/Thing' },
      body: Closed({
        name: Text({ minLength: 1, maxLength: 20 }),
        size: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
        inner: Type.Optional(
          Closed({
            kind: Type.Enum(['a', 'b']),
            at: Type.Optional(Type.String({ format: 'date-time' })),
          }),
        ),
        free: Type.Optional(AnyObject),
        list: Type.Optional(Type.Array(Type.String(), { maxItems: 10 })),
      }),
      answer: Closed({ name: Type.String(), free: Type.Optional(AnyObject) }),
      status: 201,
    }),
    stop: route({
      name: 'thing.stop',
      method: 'POST',
      path: '/v1/things/{thingId}/stop',
      summary: 'Stop a thing',
      permission: 'signed-in',
      params: Closed({ thingId: Id }),
      status: 204,
    }),
  },
  object: {
    show: route({
      name: 'object.show',
      method: 'GET',
      path: '/v1/device/{application}/{name}/{ref}',
      summary: 'One object',
      permission: { operation: 'Read', type: 'device/{application}/{name}' },
      params: Closed({ application: Text(), name: Text(), ref: Text({ maxLength: 512 }) }),
      answer: Closed({ ref: Type.String() }),
      status: 200,
    }),
  },
  event: {
    stream: route({
      name: 'event.stream',
      method: 'GET',
      path: '/v1/events',
      summary: 'Events',
      permission: 'signed-in',
      headers: Type.Object({ 'last-event-id': Type.Optional(Text({ maxLength: 8 })) }),
      status: 200,
      produces: 'text/event-stream',
    }),
  },
  health: {
    live: route({
      name: 'health.live',
      method: 'GET',
      path: '/health/live',
      summary: 'Alive',
      permission: 'open',
      answer: Closed({ status: Type.Literal('live') }),
      status: 200,
    }),
  },
}

const actor: Actor = {
  id: 'token:1',
  name: 'Anna',
  kind: 'token',
  grants: [
    {
      scope: '1.',
      permissions: [
        { type: 'data/Thing', operations: ['Read', 'Create'] },
        { type: 'device/msgraph/*', operations },
      ],
    },
  ],
}

/** Stands still but where a handler takes its time. */
let time = 0
export const clock: Clock = { now: () => time, sleep: async () => undefined }

export const handlers: Handlers<typeof contract> = {
  thing: {
    async show(_actor, { params, query }) {
      if (params.thingId === 404) throw new AppError('not-found', 'There is no such thing.')
      if (params.thingId === 429) {
        throw new AppError('too-many-requests', 'Wait.', { retryAfterMs: 1_500 })
      }
      if (params.thingId === 500) throw new Error('the password is hunter2')
      // What a handler would have to do wrong for its answer to break its schema.
      if (params.thingId === 501) return { id: 1 } as never
      const more = { secret: 'stays here' }
      return { id: params.thingId, name: String(query.wide ?? query.filter), kind: 'a', ...more }
    },
    create: async (_actor, { body }) => body,
    stop: async () => undefined,
  },
  object: {
    async show(_actor, { params }) {
      time += 40
      return { ref: params.ref }
    },
  },
  event: {
    async stream(_actor, { headers }) {
      if (headers['last-event-id'] === 'endless') return endless()
      return count(Number(headers['last-event-id'] ?? 0))
    },
  },
  health: { live: async () => ({ status: 'live' }) },
}

async function* count(after: number): AsyncGenerator<StreamedEvent> {
  for (let id = after + 1; id <= after + 3; id += 1) {
    yield { id: String(id), event: 'thing', data: { n: id, text: 'a\nb' } }
  }
}

/** How many endless sources are being read. */
export const sources = { open: 0, given: 0 }

async function* endless(): AsyncGenerator<StreamedEvent> {
  sources.open += 1
  try {
    for (let id = 1; ; id += 1) {
      yield { id: String(id), event: 'thing', data: 'x'.repeat(1_000) }
      sources.given = id
      if (id % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  } finally {
    sources.open -= 1
  }
}

export const records: RequestRecord[] = []
export const failures: AppError[] = []
export const app = createHttpServer({
  contract,
  handlers,
  title: 'Things',
  version: '1',
  newRequestId: () => randomUUID(),
  clock,
  authenticate: async ({ secret }) => (secret.reveal() === 'good' ? actor : undefined),
  onRequest: (record) => records.push(record),
  onFailure: (error) => failures.push(error),
})

export async function send(options: InjectOptions) {
  const headers = { authorization: 'Bearer good', ...options.headers }
  const answer = await app.inject({ ...options, headers })
  const body: unknown = answer.body === '' ? undefined : JSON.parse(answer.body)
  return { status: answer.statusCode, headers: answer.headers, body }
}

export const post = (body: unknown) =>
  send({
    method: 'POST',
    url: '/v1/things',
    headers: { 'content-type': 'application/json' },
    payload: typeof body === 'string' || body instanceof Buffer ? body : JSON.stringify(body),
  })
