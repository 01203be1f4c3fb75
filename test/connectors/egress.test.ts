import type { IncomingMessage, RequestListener } from 'node:http'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { AppError } from '../../src/core/errors.ts'
import { limits } from '../../src/core/limits.ts'
import type { Destination } from '../../src/net/destination.ts'
import type { Lookup, Patience } from '../../src/net/dispatcher.ts'
import { createEgress, type Egress } from '../../src/net/egress.ts'
import { createIdentity, type Identity, serveTls, type TestServer } from './tlsServer.ts'

const ca = createIdentity('Test CA', { authority: true })
const identity = createIdentity('graph.test', {
  issuer: ca,
  names: ['graph.test', 'other.test', '127.0.0.1'],
})
const loopback: Lookup = async () => [{ address: '127.0.0.1', family: 4 }]
const hasty: Patience = { connectMs: 400, headersMs: 400, bodyIdleMs: 400, exchangeMs: 1_500 }

let server: TestServer
let handler: RequestListener
let seen: IncomingMessage[] = []
const open: Egress[] = []

beforeAll(async () => {
  server = await serveTls(identity, (request, response) => {
    seen.push(request)
    handler(request, response)
  })
})
afterAll(() => server.close())
afterEach(async () => {
  seen = []
  await Promise.all(open.splice(0).map((egress) => egress.close()))
})

function egressWith(lookup: Lookup = loopback, patience: Patience = limits): Egress {
  const egress = createEgress(lookup, patience)
  open.push(egress)
  return egress
}

function destination(more: Partial<Destination> = {}): Destination {
  return {
    origins: [`https://graph.test:${server.port}`],
    allowedAddresses: ['127.0.0.0/8'],
    ca: ca.certificatePem,
    ...more,
  }
}

function get(egress: Egress, path = '/', more: Partial<Parameters<Egress['exchange']>[0]> = {}) {
  return egress.exchange({
    destination: destination(),
    method: 'GET',
    url: new URL(`https://graph.test:${server.port}${path}`),
    headers: {},
    ...more,
  })
}

async function failure(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => new Error('it should have failed'),
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(AppError)
  return error as AppError // asserted in the line before
}

describe('exchange', () => {
  it('sends what it was given and hands back what came', async () => {
    handler = (request, response) => {
      request.resume().on('end', () => {
        response.writeHead(404, { 'x-one': '1', 'set-cookie': ['a', 'b'] }).end('gone')
      })
    }
    const answer = await get(egressWith(), '/v1.0/users?$top=1', {
      method: 'PATCH',
      headers: { authorization: 'Bearer t' },
      body: '{}',
    })
    expect(answer).toMatchObject({ status: 404, headers: { 'x-one': '1', 'set-cookie': 'a, b' } })
    expect(answer.body.toString()).toBe('gone')
    expect(seen[0]).toMatchObject({ method: 'PATCH', url: '/v1.0/users?$top=1' })
    expect(seen[0]?.headers).toMatchObject({ authorization: 'Bearer t', 'content-length': '2' })
  })

  it('keeps connections, and opens a new one when asked', async () => {
    handler = (_, response) => response.end()
    const egress = egressWith()
    const before = server.connections()
    for (let call = 0; call < 9; call += 1) await get(egress)
    const kept = server.connections() - before
    // Two when a call begins in the moment before the connection of the last one is free again.
    expect(kept).toBeLessThanOrEqual(2)
    await get(egress, '/', { freshConnection: true })
    expect(server.connections() - before).toBe(kept + 1)
  })

  it.each([301, 302, 303, 307, 308])('hands back a %i and does not follow it', async (status) => {
    handler = (_, response) =>
      response.writeHead(status, { location: `https://other.test:${server.port}/x` }).end()
    const answer = await get(egressWith())
    expect(answer.status).toBe(status)
    expect(seen).toHaveLength(1)
  })

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('unpacks %s', async (encoding, pack) => {
    handler = (_, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(pack('{"a":1}'.repeat(9_999)))
    const { body } = await get(egressWith())
    expect(body.toString()).toBe('{"a":1}'.repeat(9_999))
  })

  it('stops a bomb before it fills the memory', async () => {
    const bomb = gzipSync(Buffer.alloc(300 * 1024 * 1024))
    handler = (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
    const egress = egressWith()
    const before = process.memoryUsage.rss()
    const error = await failure(get(egress, '/', { answerBytesMax: 1024 * 1024 }))
    expect(error.code).toBe('too-large')
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024)
  })

  it('stops at a body that is too large as it is', async () => {
    handler = (_, response) => {
      response.writeHead(200)
      const chunk = Buffer.alloc(256 * 1024)
      const more = () => {
        while (!response.destroyed && response.write(chunk)) {
          // until the socket is full
        }
      }
      response.on('drain', more)
      more()
    }
    const error = await failure(get(egressWith(), '/', { answerBytesMax: 1024 * 1024 }))
    expect(error.code).toBe('too-large')
  })

  it('says that an answer was cut short', async () => {
    handler = (_, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('{"value":[')
      setTimeout(() => response.destroy(), 20)
    }
    expect((await failure(get(egressWith()))).code).toBe('unavailable')
    handler = (_, response) => {
      const whole = gzipSync('{"value":[]}'.repeat(1_000))
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(whole.subarray(0, -20))
    }
    const error = await failure(get(egressWith()))
    expect(error).toMatchObject({ code: 'unavailable' })
    expect(error.message).toContain('cut short')
  })

  it.each([
    ['no answer', (() => {}) as RequestListener, 'did not begin to answer'],
    [
      'a body that stops',
      ((_, response) => response.writeHead(200).write('x')) as RequestListener,
      'stopped in the middle',
    ],
    [
      'a body of a byte now and then',
      ((_, response) => {
        response.writeHead(200)
        const drip = setInterval(() => response.write('x'), 100)
        response.on('close', () => clearInterval(drip))
      }) as RequestListener,
      'did not finish',
    ],
  ])('gives up on %s', async (_, misbehave, words) => {
    handler = misbehave
    const error = await failure(get(egressWith(loopback, hasty), '/secret?token=hush'))
    expect(error.code).toBe('timed-out')
    expect(error.message).toContain(words)
    expect(error.message).not.toMatch(/secret|hush/)
  })

  it('stops when the caller gives up, before and during the call', async () => {
    handler = () => {}
    const egress = egressWith()
    const controller = new AbortController()
    const waiting = failure(get(egress, '/', { signal: controller.signal }))
    setTimeout(() => controller.abort(), 50)
    expect((await waiting).code).toBe('cancelled')
    expect((await failure(get(egress, '/', { signal: controller.signal }))).code).toBe('cancelled')
    expect(seen).toHaveLength(1)
  })
})

describe('addresses', () => {
  it.each(['https://other.test', 'http://graph.test', 'https://user@graph.test'])(
    'refuses %s, which the destination does not list, without a lookup',
    async (origin) => {
      let lookups = 0
      const egress = egressWith(async (host) => {
        lookups += 1
        return loopback(host)
      })
      const url = new URL(`${origin}:${server.port}/`)
      const error = await failure(get(egress, '/', { url }))
      expect(error.code).toBe('address-refused')
      expect(lookups).toBe(0)
    },
  )

  it.each([
    'https://127.0.0.1',
    'https://[::1]',
    'https://[::ffff:127.0.0.1]',
    'https://2130706433',
  ])('refuses %s as a literal even where the origin is listed', async (origin) => {
    const url = new URL(`${origin}:${server.port}/`)
    const before = server.connections()
    const listed = { origins: [url.origin], ca: ca.certificatePem }
    const error = await failure(get(egressWith(), '/', { url, destination: listed }))
    expect(error.code).toBe('address-refused')
    expect(server.connections()).toBe(before)
  })

  it('refuses a name when any of its addresses is refused', async () => {
    const before = server.connections()
    const mixed: Lookup = async () => [
      { address: '8.8.8.8', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ]
    const error = await failure(
      get(egressWith(mixed), '/', { destination: destination({ allowedAddresses: [] }) }),
    )
    expect(error.code).toBe('address-refused')
    expect(server.connections()).toBe(before)
  })

  it('asks the resolver once per connection and uses that answer', async () => {
    handler = (_, response) => response.writeHead(200, { connection: 'close' }).end('ok')
    let lookups = 0
    const rebinding: Lookup = async () => {
      lookups += 1
      return [{ address: lookups === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }]
    }
    const egress = egressWith(rebinding)
    const only = destination({ allowedAddresses: ['127.0.0.1/32'] })
    expect((await get(egress, '/', { destination: only })).status).toBe(200)
    expect(lookups).toBe(1)
    const error = await failure(get(egress, '/', { destination: only }))
    expect(error.code).toBe('address-refused')
    expect(lookups).toBe(2)
  })

  it('gives up on a resolver that never answers', async () => {
    const never: Lookup = () => new Promise(() => {})
    const error = await failure(get(egressWith(never, hasty)))
    expect(error).toMatchObject({ code: 'timed-out' })
    expect(error.message).toContain('could not be connected to')
  })

  it('reports a name that does not resolve', async () => {
    const nothing: Lookup = async () => {
      throw Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' })
    }
    expect((await failure(get(egressWith(nothing)))).message).toContain('not known')
    expect((await failure(get(egressWith(async () => [])))).message).toContain('not known')
  })
})

describe('TLS', () => {
  async function against(bad: Identity, options = {}): Promise<AppError> {
    const other = await serveTls(bad, (_, response) => response.end('never'), options)
    try {
      const origin = `https://graph.test:${other.port}`
      return await failure(
        get(egressWith(), '/', {
          url: new URL(origin),
          destination: destination({ origins: [origin] }),
        }),
      )
    } finally {
      await other.close()
    }
  }

  it('refuses certificates that are expired, foreign, for another name or of their own making', async () => {
    const names = ['graph.test']
    const past = new Date(Date.now() - 60_000)
    const expired = createIdentity('graph.test', { issuer: ca, names, notAfter: past })
    expect((await against(expired)).message).toContain('expired')
    const stranger = createIdentity('graph.test', {
      issuer: createIdentity('Other CA', { authority: true }),
      names,
    })
    expect((await against(stranger)).message).toContain('not trusted')
    const misnamed = createIdentity('x', { issuer: ca, names: ['x.test'] })
    expect((await against(misnamed)).message).toContain('another name')
    expect((await against(createIdentity('graph.test', { names }))).message).toContain('itself')
  })

  it('refuses TLS 1.1', async () => {
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }
    expect((await against(identity, old)).code).toBe('unavailable')
  })

  it('trusts a CA only for the destination that names it', async () => {
    handler = (_, response) => response.end('ok')
    const egress = egressWith()
    expect((await get(egress)).status).toBe(200)
    const { ca: _, ...without } = destination()
    expect((await failure(get(egress, '/', { destination: without }))).message).toContain(
      'not trusted',
    )
  })
})
