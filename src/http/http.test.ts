import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import type { InjectOptions } from 'fastify'
import Type from 'typebox'
import { afterAll, describe, expect, it } from 'vitest'
import { route } from '../contract/route.ts'
import { AnyObject, Closed, Id, Text } from '../contract/schemas.ts'
import { type Actor, operations } from '../core/actor.ts'
import { AppError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import type { Handlers, StreamedEvent } from './handlers.ts'
import { createHttpServer, type RequestRecord } from './server.ts'

const Thing = Closed({ id: Id, name: Type.String(), kind: Type.Enum(['a', 'b']) })

const contract = {
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
  scope: '1.',
  permissions: [
    { type: 'data/Thing', operations: ['Read', 'Create'] },
    { type: 'device/msgraph/*', operations },
  ],
}

const handlers: Handlers<typeof contract> = {
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
  object: { show: async (_actor, { params }) => ({ ref: params.ref }) },
  event: {
    async stream(_actor, { headers }) {
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

const records: RequestRecord[] = []
const failures: AppError[] = []
const app = createHttpServer({
  contract,
  handlers,
  title: 'Things',
  version: '1',
  newRequestId: () => randomUUID(),
  authenticate: async (token) => (token.reveal() === 'good' ? actor : undefined),
  onRequest: (record) => records.push(record),
  onFailure: (error) => failures.push(error),
})
afterAll(() => app.close())

async function send(options: InjectOptions) {
  const headers = { authorization: 'Bearer good', ...options.headers }
  const answer = await app.inject({ ...options, headers })
  const body: unknown = answer.body === '' ? undefined : JSON.parse(answer.body)
  return { status: answer.statusCode, headers: answer.headers, body }
}

const post = (body: unknown) =>
  send({
    method: 'POST',
    url: '/v1/things',
    headers: { 'content-type': 'application/json' },
    payload: typeof body === 'string' || body instanceof Buffer ? body : JSON.stringify(body),
  })

describe('a body', () => {
  it.each<[string, unknown, string]>([
    ['an unknown field', { name: 'a', extra: 1 }, 'body.extra'],
    ['an unknown field further in', { name: 'a', inner: { kind: 'a', id: 1 } }, 'body.inner.id'],
    ['a missing field', {}, 'body.name'],
    ['a number as text', { name: 'a', size: '5' }, 'body.size'],
    ['a number for text', { name: 5 }, 'body.name'],
    ['an array for text', { name: ['a'] }, 'body.name'],
    ['an integer out of range', { name: 'a', size: 101 }, 'body.size'],
    ['a fraction', { name: 'a', size: 1.5 }, 'body.size'],
    ['a number no double holds', '{"name":"a","size":1e309}', 'body.size'],
    ['a number that would be changed', '{"name":"a","free":{"n":9007199254740993}}', 'body.free.n'],
    ['text too long', { name: 'a'.repeat(21) }, 'body.name'],
    ['empty text', { name: '' }, 'body.name'],
    ['NUL', { name: 'a\u0000' }, 'body.name'],
    ['a line end', { name: 'a\nb' }, 'body.name'],
    [
      'NUL in a free-form record',
      { name: 'a', free: { x: [{ y: 'a\u0000' }] } },
      'body.free.x.0.y',
    ],
    ['half a surrogate pair', '{"name":"a","free":{"x":"\\ud800"}}', 'body.free.x'],
    ['half a surrogate pair in a name', '{"name":"a","free":{"\\ud800":1}}', 'body.free'],
    ['__proto__', '{"name":"a","__proto__":{"size":1}}', 'body.__proto__'],
    [
      '__proto__ in a free-form record',
      '{"name":"a","free":{"a":{"__proto__":1}}}',
      'body.free.a.__proto__',
    ],
    ['constructor', { name: 'a', free: { constructor: 1 } }, 'body.free.constructor'],
    ['an unknown choice', { name: 'a', inner: { kind: 'c' } }, 'body.inner.kind'],
    [
      'a date out of range',
      { name: 'a', inner: { kind: 'a', at: '2026-13-01T00:00:00Z' } },
      'body.inner.at',
    ],
    ['too many items', { name: 'a', list: Array(11).fill('x') }, 'body.list'],
    ['no object', [], 'body'],
    ['null', 'null', 'body'],
    ['nothing', '', 'body'],
    ['broken JSON', '{"name":', 'body'],
    ['bytes that are not UTF-8', Buffer.from('7b226e616d65223a22ff227d', 'hex'), 'body'],
    [
      'nesting of 10,000',
      `{"name":"a","free":{"x":${'['.repeat(10_000)}${']'.repeat(10_000)}}}`,
      'body.free.x',
    ],
  ])('with %s is refused, naming the field', async (_what, body, field) => {
    const answer = await post(body)
    expect(answer.status).toBe(400)
    expect(answer.headers['content-type']).toContain('application/problem+json')
    expect(answer.body).toMatchObject({ code: 'bad-input', status: 400 })
    const { fields } = answer.body as { fields: { field: string }[] }
    expect(fields[0]?.field.slice(0, field.length)).toBe(field)
  })

  it('names every field at fault but not its value', async () => {
    const answer = await post({ size: 'hunter2', inner: { kind: 'hunter2' }, x: 'hunter2' })
    const { fields } = answer.body as { fields: { field: string }[] }
    expect(fields.map(({ field }) => field).sort()).toEqual([
      'body.inner.kind',
      'body.name',
      'body.size',
      'body.x',
    ])
    expect(JSON.stringify(answer.body)).not.toContain('hunter2')
  })

  it('full of faults costs a bounded answer', async () => {
    const answer = await post({ name: 'a', list: Array(200_000).fill(1) })
    const { fields } = answer.body as { fields: unknown[] }
    expect(fields.length).toBeLessThanOrEqual(limits.fieldProblemsMax)
  })

  it('may be large, but not too large', async () => {
    const answer = await post({ name: 'a', free: { x: 'a'.repeat(limits.requestBodyBytes) } })
    expect(answer).toMatchObject({ status: 413, body: { code: 'too-large' } })
  })

  it('has to be JSON', async () => {
    for (const type of ['text/plain', 'application/xml', 'multipart/form-data; boundary=x']) {
      const headers = { 'content-type': type }
      const answer = await send({ method: 'POST', url: '/v1/things', headers, payload: '{}' })
      expect(answer).toMatchObject({ status: 415, body: { code: 'unsupported-media-type' } })
    }
    const answer = await send({ method: 'POST', url: '/v1/things' })
    expect(answer).toMatchObject({ status: 400, body: { fields: [{ field: 'body' }] } })
  })

  it('is not taken where none is declared', async () => {
    const headers = { 'content-type': 'application/json' }
    const payload = '{"id":1}'
    const answer = await send({ method: 'POST', url: '/v1/things/1/stop', headers, payload })
    expect(answer).toMatchObject({ status: 400, body: { fields: [{ field: 'body' }] } })
    expect((await send({ method: 'POST', url: '/v1/things/1/stop' })).status).toBe(204)
  })

  it('arrives unchanged', async () => {
    const free = { a: [1, 2.5, null, true, 'ü😀'], b: { 'x y': '' } }
    expect(await post({ name: 'a', free })).toMatchObject({
      status: 201,
      body: { name: 'a', free },
    })
  })
})

describe('path and query', () => {
  it.each<[string, string, string]>([
    ['an unknown member', '/v1/things/1?foo=1', 'query.foo'],
    ['a member twice', '/v1/things/1?search=a&search=b', 'query.search'],
    ['__proto__', '/v1/things/1?__proto__=1', 'query.__proto__'],
    ['no boolean', '/v1/things/1?wide=1', 'query.wide'],
    ['NUL', '/v1/things/1?search=%00', 'query.search'],
    ['text for an id', '/v1/things/abc', 'path.thingId'],
    ['a fraction for an id', '/v1/things/1.0', 'path.thingId'],
    ['an exponent for an id', '/v1/things/1e3', 'path.thingId'],
    ['zero', '/v1/things/0', 'path.thingId'],
    ['an id beyond exact numbers', '/v1/things/9007199254740993', 'path.thingId'],
    ['a space', '/v1/things/%201', 'path.thingId'],
  ])('with %s are refused, naming the field', async (_what, url, field) => {
    const answer = await send({ url })
    expect(answer).toMatchObject({ status: 400, body: { fields: [{ field }] } })
  })

  it('become what their schema says', async () => {
    expect(await send({ url: '/v1/things/7?wide=true' })).toMatchObject({ body: { name: 'true' } })
    const one = await send({ url: '/v1/things/7?filter=a%3Db' })
    expect(one).toMatchObject({ body: { name: 'a=b' } })
    const two = await send({ url: '/v1/things/7?filter=a&filter=b' })
    expect(two).toMatchObject({ body: { name: 'a,b' } })
  })

  it('hold long keys and encoded slashes as one value', async () => {
    const ref = `${'é'.repeat(500)}@x/../y`
    const answer = await send({ url: `/v1/device/msgraph/MSOLUser/${encodeURIComponent(ref)}` })
    expect(answer).toMatchObject({ status: 200, body: { ref } })
  })

  it.each([
    '/v1/things/..%2fthings/1',
    '/v1//things/1',
    '/v1/things/1/',
    '/V1/things/1',
    '/v1/things/1;x=1/stop',
    '/v1/things/%zz',
    '/v1/device/msgraph%2fMSOLUser/x',
    '/v1/device/other%2f..%2fmsgraph/MSOLUser/x',
  ])('at an odd place (%s) reach no route that was not checked', async (url) => {
    expect([400, 403, 404, 405]).toContain((await send({ url })).status)
  })
})

describe('methods', () => {
  it.each(['HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'] as const)(
    '%s is refused',
    async (method) => {
      const answer = await app.inject({
        method,
        url: '/v1/things',
        headers: { authorization: 'Bearer good' },
      })
      expect(answer.statusCode).toBe(405)
      expect(answer.headers.allow).toBe('POST')
    },
  )
})

describe('admission', () => {
  it.each([undefined, 'Bearer bad', 'Basic Z29vZA==', 'good', 'Bearer good bad'])(
    'refuses %s',
    async (authorization) => {
      const answer = await app.inject({
        url: '/v1/things/1',
        headers: authorization ? { authorization } : {},
      })
      expect(answer.statusCode).toBe(401)
      expect(answer.headers['www-authenticate']).toContain('Bearer')
      expect(answer.json()).toMatchObject({ code: 'sign-in-required' })
    },
  )

  it('comes before the body is looked at', async () => {
    const answer = await app.inject({ method: 'POST', url: '/v1/things', payload: 'x' })
    expect(answer.statusCode).toBe(401)
  })

  it('asks for the type named in the path', async () => {
    expect((await send({ url: '/v1/device/msgraph/MSOLUser/x' })).status).toBe(200)
    const answer = await send({ url: '/v1/device/msteamsonline/CsUser/x' })
    expect(answer).toMatchObject({ status: 403, body: { code: 'not-permitted' } })
  })

  it('ignores who a header says the caller is', async () => {
    const headers = {
      'x-forwarded-user': 'admin',
      'x-ms-client-principal': 'admin',
      authorization: '',
    }
    expect((await app.inject({ url: '/v1/things/1', headers })).statusCode).toBe(401)
  })

  it('is not asked for health', async () => {
    expect((await app.inject({ url: '/health/live' })).json()).toEqual({ status: 'live' })
  })
})

describe('answers', () => {
  it('hold declared members only, and the headers of a private API', async () => {
    const answer = await send({ url: '/v1/things/7?wide=true' })
    expect(answer.body).toEqual({ id: 7, name: 'true', kind: 'a' })
    expect(answer.headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
    })
  })

  it('that break their schema are our fault and stay here', async () => {
    const before = failures.length
    expect(await send({ url: '/v1/things/501' })).toMatchObject({
      status: 500,
      body: { code: 'internal' },
    })
    expect(failures.length).toBe(before + 1)
  })

  it('about the unforeseen tell nothing of it', async () => {
    const answer = await send({ url: '/v1/things/500' })
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } })
    expect(JSON.stringify(answer.body)).not.toContain('hunter2')
    expect(String(failures.at(-1)?.cause)).toContain('hunter2')
  })

  it('say when to come again', async () => {
    const answer = await send({ url: '/v1/things/429' })
    expect(answer).toMatchObject({ status: 429, body: { retryAfterMs: 1_500 } })
    expect(answer.headers['retry-after']).toBe('2')
  })

  it('leave one record each, without values', async () => {
    records.length = 0
    await send({ url: '/v1/device/msgraph/MSOLUser/anna@example.com' })
    expect(records).toEqual([
      {
        requestId: expect.any(String),
        method: 'GET',
        route: '/v1/device/:application/:name/:ref',
        status: 200,
        milliseconds: expect.any(Number),
        actorId: 'token:1',
      },
    ])
  })
})

describe('a start', () => {
  const start = (given: unknown) => () =>
    createHttpServer({
      contract,
      handlers: given as Handlers<typeof contract>,
      title: 'x',
      version: '1',
      newRequestId: () => 'x',
      authenticate: async () => undefined,
      onRequest: () => undefined,
      onFailure: () => undefined,
    })

  it('fails without a handler, and with one too many', () => {
    expect(start({ ...handlers, health: {} })).toThrow('health.live')
    expect(start({ ...handlers, foo: { bar: async () => 1 } })).toThrow('foo.bar')
  })
})

describe('over a socket', () => {
  const listening = app.listen({ port: 0, host: '127.0.0.1' }).then(() => {
    const address = app.server.address()
    if (typeof address !== 'object' || address === null) throw new Error('not listening')
    return address.port
  })

  async function raw(text: string): Promise<string> {
    const port = await listening
    return await new Promise((resolve) => {
      let answer = ''
      const socket = connect(port, '127.0.0.1', () => socket.write(text))
      socket.on('data', (chunk) => {
        answer += String(chunk)
        if (/\r\n\r\n/.test(answer)) socket.end()
      })
      socket.on('close', () => resolve(answer))
      // A sender who does not stop is cut off; the answer may not reach them.
      socket.on('error', () => resolve(answer))
    })
  }

  it.each([
    [
      'two lengths',
      'POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
    ],
    [
      'length and chunks',
      'POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'a bad chunk',
      'POST /v1/things HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n',
    ],
    [
      'a path that climbs',
      'GET /v1/device/other/../msgraph/MSOLUser/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\n\r\n',
    ],
    ['no host', 'GET /health/live HTTP/1.1\r\n\r\n'],
    ['an unknown method', 'FOO /health/live HTTP/1.1\r\nHost: a\r\n\r\n'],
    [
      'endless headers',
      `GET /health/live HTTP/1.1\r\nHost: a\r\n${'X-A: b\r\n'.repeat(20_000)}\r\n`,
    ],
  ])('%s is no request', async (_what, text) => {
    expect(await raw(text)).toMatch(/^(HTTP\/1.1 4\d\d |$)/)
  })

  it('a stream starts behind the event it is asked to', async () => {
    const port = await listening
    const headers = { authorization: 'Bearer good', 'last-event-id': '7' }
    const answer = await fetch(`http://127.0.0.1:${port}/v1/events`, { headers })
    expect(answer.headers.get('content-type')).toContain('text/event-stream')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const frames = (await answer.text()).split('\n\n').filter((frame) => frame.startsWith('id'))
    expect(frames.map((frame) => frame.split('\n')[0])).toEqual(['id: 8', 'id: 9', 'id: 10'])
    expect(frames[0]).toBe('id: 8\nevent: thing\ndata: {"n":8,"text":"a\\nb"}')
  })
})
