import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { GraphCall } from '../../src/core/call.ts'
import { AppError } from '../../src/core/errors.ts'
import { limits } from '../../src/core/limits.ts'
import { startProxy } from './connectProxy.ts'
import { json, type Microsoft, type Reply, startMicrosoft } from './microsoft.ts'

let microsoft: Microsoft
const signal = new AbortController().signal

beforeAll(async () => {
  microsoft = await startMicrosoft()
})
afterAll(() => microsoft.close())
beforeEach(() => microsoft.reset())

function call(method: GraphCall['method'], path: string[], body?: GraphCall['body']): GraphCall {
  return { wire: 'graph', method, path, query: {}, body, cost: 1 }
}
const getUser = call('GET', ['users', 'u1'])

/** Answers one after the other; the last one stays. */
function inTurn(...replies: Reply[]): Reply {
  let next = 0
  return (response, received) => {
    const reply = replies[Math.min(next, replies.length - 1)]
    next += 1
    reply?.(response, received)
  }
}
const broken: Reply = (response) => response.destroy()
const graphError = (status: number, code: string, headers = {}) =>
  json(status, { error: { code, message: 'Something of u1@secret.example' } }, headers)

describe('requests', () => {
  it('carry what Graph documents, each value encoded for its place', async () => {
    const transport = microsoft.transport()
    await transport.send(
      {
        ...call('PATCH', ['users', "a/b?c#d'e..%2f"], { department: 'Ö' }),
        query: { $select: 'id,x', $filter: "a eq 'b&c=d'" },
      },
      { signal, eventual: true },
    )
    const [request] = microsoft.sent('graph.test')
    expect(request).toMatchObject({ method: 'PATCH', body: '{"department":"Ö"}' })
    const url = new URL(request?.url ?? '', 'https://x')
    expect(url.pathname).toBe("/v1.0/users/a%2Fb%3Fc%23d'e..%252f")
    expect(url.searchParams.get('$filter')).toBe("a eq 'b&c=d'")
    expect(request?.headers).toMatchObject({
      authorization: expect.stringMatching(/^Bearer token-\d+$/),
      'accept-encoding': 'gzip',
      'content-type': 'application/json',
      consistencylevel: 'eventual',
      'x-ms-throttle-priority': 'low',
      'client-request-id': expect.stringMatching(/^[\da-f-]{36}$/),
    })
    await microsoft.transport(undefined, 'interactive').send(getUser, { signal })
    const second = microsoft.sent('graph.test')[1]
    expect(second?.headers['x-ms-throttle-priority']).toBe('high')
    expect(second?.headers.consistencylevel).toBeUndefined()
  })

  it.each(['', '.', '..'])('with %j for a key are not sent', async (key) => {
    await expect(
      microsoft.transport().send(call('DELETE', ['users', key]), { signal }),
    ).rejects.toMatchObject({ code: 'bad-input' })
    expect(microsoft.received).toHaveLength(0)
  })

  it('are logged without anything of a person', async () => {
    microsoft.replies.graph = graphError(404, 'Request_ResourceNotFound', { 'request-id': 'r-1' })
    const failed = microsoft
      .transport()
      .send(call('GET', ['users', 'joe@secret.example', 'manager']), { signal })
    await expect(failed).rejects.toMatchObject({
      code: 'microsoft-not-found',
      foreignCode: 'Request_ResourceNotFound',
      foreignRequestId: 'r-1',
      message: expect.not.stringContaining('secret.example'),
    })
    expect(microsoft.logged.at(-1)).toMatchObject({
      wire: 'graph',
      operation: 'GET users/{}/manager',
      status: 404,
      attempt: 1,
      requestId: 'r-1',
    })
    expect(JSON.stringify(microsoft.logged)).not.toMatch(/secret|token-/)
  })
})

describe('trying again', () => {
  it.each([429, 500, 502, 503, 504])('a GET after %i', async (status) => {
    microsoft.replies.graph = inTurn(graphError(status, 'x'), json(200, { id: 'u1' }))
    const { body } = await microsoft.transport().send(getUser, { signal })
    expect(body).toEqual({ id: 'u1' })
    expect(microsoft.sent('graph.test')).toHaveLength(2)
    expect(microsoft.clock.slept.length).toBeGreaterThan(0)
  })

  it('a GET whose connection broke, whose body was cut or is a page', async () => {
    const cut: Reply = (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '99' })
      response.write('{"value":[{')
      setTimeout(() => response.destroy(), 10)
    }
    const half: Reply = (response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"value":[{"id"')
    const page: Reply = (response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in</html>')
    const nothing: Reply = (response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end()
    microsoft.replies.graph = inTurn(broken, cut, half, page, nothing, json(200, { id: 'u1' }))
    const { body } = await microsoft.transport().send(getUser, { signal })
    expect(body).toEqual({ id: 'u1' })
    expect(microsoft.logged.filter((line) => line.wire === 'graph').map((l) => l.attempt)).toEqual([
      1, 2, 3, 4, 5, 6,
    ])
  })

  it.each(['page', 'half', 'latin1'] as const)('ends, when %s is all there is', async (kind) => {
    const bodies = { page: '<html>', half: '{"a"', latin1: Buffer.from('{"a":"ä"}', 'latin1') }
    microsoft.replies.graph = (response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(bodies[kind])
    await expect(microsoft.transport().send(getUser, { signal })).rejects.toMatchObject({
      code: 'microsoft-broken-answer',
    })
    expect(microsoft.sent('graph.test')).toHaveLength(limits.callAttemptsMax)
  })

  it.each(['PATCH', 'PUT', 'DELETE'] as const)('a %s after a fault', async (method) => {
    microsoft.replies.graph = inTurn(broken, graphError(503, 'x'), (r) => r.writeHead(204).end())
    const answer = await microsoft.transport().send(call(method, ['users', 'u1'], {}), { signal })
    expect(answer).toMatchObject({ status: 204, body: undefined })
    expect(microsoft.sent('graph.test')).toHaveLength(3)
  })

  it('a PATCH only while the work is still its own, however long it waited', async () => {
    const patch = call('PATCH', ['users', 'u1'], { department: 'x' })
    microsoft.replies.graph = inTurn(graphError(503, 'x'), json(200, {}))
    let held = true
    const transport = microsoft.transport()
    const confirm = async () => {
      if (!held) throw new AppError('fenced', 'Taken over.')
      held = false
    }
    await expect(transport.send(patch, { signal, confirm })).rejects.toMatchObject({
      code: 'fenced',
    })
    expect(microsoft.sent('graph.test')).toHaveLength(1)
    // A read changes nothing, and the place in the lane was given back.
    expect((await transport.send(getUser, { signal, confirm })).status).toBe(200)
  })

  it('a POST only when it was refused for want of room', async () => {
    const post = call('POST', ['users'], { displayName: 'x' })
    for (const reply of [broken, graphError(500, 'x'), graphError(503, 'x')]) {
      microsoft.reset()
      microsoft.replies.graph = reply
      await expect(microsoft.transport().send(post, { signal })).rejects.toMatchObject({
        code: 'microsoft-unavailable',
      })
      expect(microsoft.sent('graph.test')).toHaveLength(1)
    }
    microsoft.reset()
    microsoft.replies.graph = inTurn(graphError(429, 'TooManyRequests'), json(201, { id: 'n' }))
    expect((await microsoft.transport().send(post, { signal })).status).toBe(201)
  })

  it('waits as long as Graph asks, and hands a longer wait on', async () => {
    microsoft.replies.graph = inTurn(
      graphError(429, 'TooManyRequests', { 'retry-after': '2.128' }),
      json(200, {}),
    )
    const began = microsoft.clock.now()
    await microsoft.transport().send(getUser, { signal })
    expect(microsoft.clock.now() - began).toBeGreaterThanOrEqual(2_128)

    microsoft.reset()
    microsoft.replies.graph = graphError(429, 'TooManyRequests', { 'retry-after': '600' })
    const transport = microsoft.transport()
    await expect(transport.send(getUser, { signal })).rejects.toMatchObject({
      code: 'microsoft-throttled',
      retryAfterMs: 600_000,
    })
    // The whole lane knows: another call is not sent at all.
    await expect(transport.send(getUser, { signal })).rejects.toMatchObject({
      code: 'microsoft-throttled',
    })
    expect(microsoft.sent('graph.test')).toHaveLength(1)
  })

  it.each([
    ['5', 5_000],
    ['2.128', 2_128],
    ['a date', 7_000],
    [undefined, limits.backoffFirstMs],
    ['0', limits.backoffFirstMs],
    ['0.001', limits.backoffFirstMs],
    ['-5', limits.backoffFirstMs],
    ['1e9', limits.backoffFirstMs],
    ['soon', limits.backoffFirstMs],
    ['', limits.backoffFirstMs],
  ])('waits through a refusal with Retry-After %j: %i ms at least', async (header, leastMs) => {
    const inSeconds = (seconds: number) =>
      new Date(microsoft.clock.now() + seconds * 1_000).toUTCString()
    // A date has whole seconds, so the eighth from now is more than seven away.
    const value = header === 'a date' ? inSeconds(8) : header
    microsoft.replies.graph = inTurn(
      graphError(429, 'TooManyRequests', value === undefined ? {} : { 'retry-after': value }),
      json(200, { id: 'u1' }),
    )
    const began = microsoft.clock.now()
    const { body } = await microsoft.transport().send(getUser, { signal })
    expect(body).toEqual({ id: 'u1' })
    expect(microsoft.clock.now() - began).toBeGreaterThanOrEqual(leastMs)
    expect(microsoft.clock.now() - began).toBeLessThan(leastMs + 2_000)
  })

  it('takes a Retry-After of 10^9 seconds as the longest pause there is, and waits elsewhere', async () => {
    microsoft.replies.graph = graphError(429, 'TooManyRequests', { 'retry-after': '1000000000' })
    await expect(microsoft.transport().send(getUser, { signal })).rejects.toMatchObject({
      code: 'microsoft-throttled',
      retryAfterMs: limits.retryAfterMaxMs,
    })
    expect(microsoft.sent('graph.test')).toHaveLength(1)
  })

  it.each([undefined, '0', '1', 'soon'])(
    'gives up after minutes of Retry-After %j',
    async (header) => {
      const headers = header === undefined ? {} : { 'retry-after': header }
      microsoft.replies.graph = graphError(429, 'TooManyRequests', headers)
      const began = microsoft.clock.now()
      // It always says when to come back: for a job that is "later", not "failed".
      await expect(microsoft.transport().send(getUser, { signal })).rejects.toMatchObject({
        code: 'microsoft-throttled',
        retryAfterMs: expect.any(Number),
      })
      const took = microsoft.clock.now() - began
      expect(took).toBeGreaterThan(limits.throttledMs / 2)
      expect(took).toBeLessThan(limits.throttledMs + limits.backoffMaxMs)
      const perSecond = (microsoft.sent('graph.test').length / took) * 1_000
      expect(perSecond).toBeLessThanOrEqual(1.1)
    },
  )

  it('does not spin on a fault that names no wait either', async () => {
    microsoft.replies.graph = graphError(503, 'x', { 'retry-after': '0' })
    await expect(microsoft.transport().send(getUser, { signal })).rejects.toMatchObject({
      code: 'microsoft-unavailable',
    })
    expect(microsoft.clock.slept.every((ms) => ms >= limits.backoffFirstMs / 2)).toBe(true)
    expect(microsoft.clock.slept).toHaveLength(limits.callAttemptsMax - 1)
  })

  it('fetches one new token when the old one is not accepted, not more', async () => {
    const unauthorised = graphError(401, 'InvalidAuthenticationToken')
    microsoft.replies.graph = inTurn(unauthorised, json(200, { id: 'u1' }))
    await microsoft.transport().send(getUser, { signal })
    expect(microsoft.sent('login.test')).toHaveLength(2)
    const [first, second] = microsoft.sent('graph.test')
    expect(first?.headers.authorization).not.toBe(second?.headers.authorization)

    microsoft.reset()
    microsoft.replies.graph = unauthorised
    await expect(microsoft.transport().send(getUser, { signal })).rejects.toMatchObject({
      code: 'credentials-rejected',
    })
    expect(microsoft.sent('login.test')).toHaveLength(2)
    expect(microsoft.sent('graph.test')).toHaveLength(2)
  })

  it('does not repeat what was refused for good, and follows no redirect', async () => {
    for (const [status, code] of [
      [400, 'microsoft-refused'],
      [403, 'consent-missing'],
      [404, 'microsoft-not-found'],
      [410, 'microsoft-token-expired'],
    ] as const) {
      microsoft.reset()
      microsoft.replies.graph = graphError(status, 'Unheard_Of')
      await expect(microsoft.transport().send(getUser, { signal })).rejects.toMatchObject({ code })
      expect(microsoft.sent('graph.test')).toHaveLength(1)
    }
    microsoft.reset()
    const elsewhere = microsoft.cloud.graph.replace('graph', 'evil')
    microsoft.replies.graph = (r) => r.writeHead(302, { location: `${elsewhere}/v1.0/` }).end()
    await expect(microsoft.transport().send(getUser, { signal })).rejects.toMatchObject({
      code: 'microsoft-refused',
    })
    expect(microsoft.sent('evil.test')).toHaveLength(0)
  })

  it('stops when the caller gives up', async () => {
    const controller = new AbortController()
    microsoft.replies.graph = (response, received) => {
      controller.abort()
      graphError(503, 'x')(response, received)
    }
    await expect(
      microsoft.transport().send(getUser, { signal: controller.signal }),
    ).rejects.toMatchObject({ code: 'cancelled' })
    expect(microsoft.sent('graph.test')).toHaveLength(1)
  })
})

describe('links', () => {
  const hostile = (graph: string) => [
    `${graph.replace('graph.test', 'evil.test')}/v1.0/users?$skiptoken=1`,
    `${graph.replace('https', 'http')}/v1.0/users`,
    `${graph.replace('https://', 'https://graph.test@evil.test/')}/v1.0/users`,
    `${graph.replace('https://', 'https://x:y@')}/v1.0/users`,
    `${graph.replace('graph.test', '127.0.0.1')}/v1.0/users`,
    'https://169.254.169.254/v1.0/users',
    `${graph}.evil.test/v1.0/users`,
    `${graph}/v1.0/../beta/users`,
    `${graph}/v1.0/%2e%2e/beta/users`,
    `${graph}/beta/users`,
    `${graph}/v1.0`,
    '/v1.0/users',
    'javascript:alert(1)',
    '',
    `${graph}/v1.0/users?${'x'.repeat(limits.linkCharsMax)}`,
    7,
    null,
    { href: graph },
  ]

  it('to anywhere else are refused before a token is fetched', async () => {
    const transport = microsoft.transport()
    for (const link of hostile(microsoft.cloud.graph)) {
      await expect(transport.follow(link, 1, { signal })).rejects.toMatchObject({
        code: 'microsoft-broken-answer',
      })
    }
    expect(microsoft.received).toEqual([])
  })

  it('of the own Graph are followed as they are', async () => {
    const link = `${microsoft.cloud.graph}/v1.0/users?$top=1&$skiptoken=RFN%2Fa%20b`
    await microsoft.transport().follow(link, 1, { signal })
    expect(microsoft.sent('graph.test')[0]?.url).toBe('/v1.0/users?$top=1&$skiptoken=RFN%2Fa%20b')
  })
})

it('goes through the proxy of the tenant for sign-in and for Graph', async () => {
  const port = Number(new URL(microsoft.cloud.graph).port)
  const proxy = await startProxy(() => port)
  try {
    const application = { ...microsoft.application(), proxy: proxy.webProxy('') }
    await microsoft.transport(application).send(getUser, { signal })
    expect(proxy.connects.map(({ url }) => url)).toEqual([
      `login.test:${port}`,
      `graph.test:${port}`,
    ])
  } finally {
    await proxy.close()
  }
})

it('takes compressed answers of many megabytes', async () => {
  const value = Array.from({ length: 20_000 }, (_, id) => ({ id: `${id}`, name: 'x'.repeat(100) }))
  const packed = gzipSync(JSON.stringify({ value }))
  microsoft.replies.graph = (response: ServerResponse) =>
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
      .end(packed)
  const { body } = await microsoft.transport().send(getUser, { signal })
  expect(body).toEqual({ value })
})
