import type { IncomingMessage, RequestListener } from 'node:http'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { AppError } from '../../src/core/errors.ts'
import { limits } from '../../src/core/limits.ts'
import type { Destination } from '../../src/net/destination.ts'
import type { Lookup, Patience } from '../../src/net/dispatcher.ts'
import { createEgress, type Egress } from '../../src/net/egress.ts'
import { createIdentity, serveTls, type TestServer } from './tlsServer.ts'

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

/** Elsewhere, to http, to addresses of clouds, within this machine. */
function redirects(): string[] {
  return [
    'https://other.test:PORT/x',
    'http://graph.test:PORT/x',
    'http://169.254.169.254/latest/meta-data/',
    'http://[fd00:ec2::254]/',
    'https://127.0.0.1:PORT/x',
    '//other.test:PORT/x',
    '/elsewhere',
  ]
}

/** All that the redirects name: what is not followed is not refused for another reason. */
function everywhere(): Destination {
  const hosts = ['graph.test', 'other.test', '127.0.0.1']
  const origins = hosts.flatMap((host) => [
    `https://${host}:${server.port}`,
    `http://${host}:${server.port}`,
  ])
  return destination({ origins: [...origins, 'http://169.254.169.254'] })
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

  it.each(
    [301, 302, 303, 304, 305, 306, 307, 308].flatMap((status) =>
      redirects().map((location) => [status, location] as const),
    ),
  )('G3: hands back a %i to %s and does not follow it', async (status, location) => {
    handler = ({ url }, response) => {
      if (url !== '/') return response.end('followed')
      const to = location.replace('PORT', String(server.port))
      return response.writeHead(status, { location: to }).end()
    }
    const lookedUp: string[] = []
    const before = server.connections()
    const egress = egressWith(async (host) => {
      lookedUp.push(host)
      return loopback(host)
    })
    const headers = { authorization: 'Bearer canary' }
    const answer = await get(egress, '/', { headers, destination: everywhere() })
    expect(answer.status).toBe(status)
    expect(seen.map(({ url }) => url)).toEqual(['/'])
    expect(lookedUp).toEqual(['graph.test'])
    expect(server.connections()).toBe(before + 1)
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

  it('refuses an encoding that nobody asked for, and goes on', async () => {
    handler = (_, response) =>
      response.writeHead(200, { 'content-encoding': 'zstd' }).end(Buffer.alloc(100))
    const egress = egressWith()
    const error = await failure(get(egress))
    expect(error).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('not asked for'),
    })
    handler = (_, response) => response.writeHead(200).end('{}')
    expect((await get(egress)).body.toString()).toBe('{}')
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
    'G1: refuses %s, which the destination does not list, without a lookup',
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
  ])('G1: refuses %s as a literal even where the origin is listed', async (origin) => {
    const url = new URL(`${origin}:${server.port}/`)
    const before = server.connections()
    const listed = { origins: [url.origin], ca: ca.certificatePem }
    const error = await failure(get(egressWith(), '/', { url, destination: listed }))
    expect(error.code).toBe('address-refused')
    expect(server.connections()).toBe(before)
  })

  it('G2: refuses a name when any of its addresses is refused', async () => {
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

  it('G2: connects to the address that was checked, whatever the name answers next', async () => {
    handler = (_, response) => response.writeHead(200, { connection: 'close' }).end('ok')
    // As with a TTL of 0: every question may be answered anew, first publicly, then not.
    const answers = ['127.0.0.1', '127.0.0.2', '127.0.0.1', '::1', '169.254.169.254']
    let lookups = 0
    const rebinding: Lookup = async () => {
      const address = answers[lookups] ?? '127.0.0.2'
      lookups += 1
      return [{ address, family: address.includes(':') ? 6 : 4 }]
    }
    const egress = egressWith(rebinding)
    const only = destination({ allowedAddresses: ['127.0.0.1/32'] })
    const outcomes: string[] = []
    for (const _ of answers) {
      const before = server.connections()
      const outcome = await get(egress, '/', { destination: only }).then(
        ({ status }) => String(status),
        (error: AppError) => error.code,
      )
      outcomes.push(`${outcome} ${server.connections() - before}`)
    }
    const refused = 'address-refused 0'
    expect(outcomes).toEqual(['200 1', refused, '200 1', refused, refused])
    expect(lookups).toBe(answers.length)
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
