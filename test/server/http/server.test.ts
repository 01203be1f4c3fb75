import { connect } from 'node:net'
import { afterAll, describe, expect, it } from 'vitest'
import type { Handlers } from '../../../src/http/handlers.ts'
import { createHttpServer } from '../../../src/http/server.ts'
import { app, clock, contract, failures, handlers, records, send, sources } from './things.ts'

afterAll(() => app.close())

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
        milliseconds: 40,
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
      clock,
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

  it('a reader that stands still slows the source, and one that leaves ends it', async () => {
    const port = await listening
    const socket = connect(port, '127.0.0.1', () => {
      const headers = 'Host: a\r\nAuthorization: Bearer good\r\nLast-Event-ID: endless'
      socket.write(`GET /v1/events HTTP/1.1\r\n${headers}\r\n\r\n`)
    })
    await expect.poll(() => sources.open).toBe(1)
    // Unread, the buffers between fill up; then the source must be waiting.
    const given: number[] = []
    const stoodStill = () => given.push(sources.given) > 1 && given.at(-1) === given.at(-2)
    await expect.poll(stoodStill, { interval: 100, timeout: 10_000 }).toBe(true)
    expect(sources.given).toBeGreaterThan(0)
    socket.destroy()
    await expect.poll(() => sources.open).toBe(0)
    expect(records.at(-1)).toMatchObject({ route: '/v1/events', status: 499 })
  })
})
