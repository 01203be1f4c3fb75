import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { startTestPatchbay, type TestPatchbay } from '../server/patchbay.ts'
import { routes } from './fields.ts'
import { exchange, openSlowly, type Slow, statusesIn, until } from './rawHttp.ts'
import { addressOf, faultsOf, namedFields, openSender, type Sender } from './sender.ts'
import { serve } from './served.ts'

let patchbay: TestPatchbay
let sender: Sender
let stranger: Sender
let slow: Slow

beforeAll(async () => {
  patchbay = await startTestPatchbay({ role: 'api' })
  sender = openSender(patchbay.url, patchbay.token)
  stranger = openSender(patchbay.url, undefined)
  // They are held for ten seconds, during which everything below goes on.
  slow = openSlowly(patchbay.url, 200)
  await until(() => slow.open() === 200)
})
afterAll(async () => {
  await sender.close()
  await stranger.close()
  await patchbay.close()
})

/** A request of its own, hidden in what should be the body of another. */
function smuggled(): string {
  const body = '{"parentId":1,"kind":"customer","name":"Smuggled"}'
  return [
    'POST /v1/nodes HTTP/1.1',
    'Host: a',
    `Authorization: Bearer ${patchbay.token}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n')
}

/** With a token: without one the answer does not wait for the body. */
const post = (headers: string, body: string) =>
  [
    'POST /v1/nodes HTTP/1.1',
    'Host: a',
    `Authorization: Bearer ${patchbay.token}`,
    'Content-Type: application/json',
    headers,
    '',
    body,
  ].join('\r\n')
const get = (line: string, headers = 'Host: a') => `${line}\r\n${headers}\r\n\r\n`

/** What the parser has to refuse, so that nobody in front of us reads another request in it. */
const malformed: readonly [string, () => string | Buffer][] = [
  ['two lengths', () => post('Content-Length: 2\r\nContent-Length: 60', `{}${smuggled()}`)],
  ['one length twice', () => post('Content-Length: 2\r\nContent-Length: 2', `{}${smuggled()}`)],
  ['lengths in a list', () => post('Content-Length: 2, 60', `{}${smuggled()}`)],
  ['a negative length', () => post('Content-Length: -1', smuggled())],
  ['a length with a sign', () => post('Content-Length: +2', `{}${smuggled()}`)],
  ['a hexadecimal length', () => post('Content-Length: 0x2', `{}${smuggled()}`)],
  ['a length beyond 64 bits', () => post(`Content-Length: ${'9'.repeat(30)}`, smuggled())],
  [
    'length and chunks',
    () => post('Content-Length: 4\r\nTransfer-Encoding: chunked', `0\r\n\r\n${smuggled()}`),
  ],
  [
    'chunks and length',
    () => post('Transfer-Encoding: chunked\r\nContent-Length: 4', `0\r\n\r\n${smuggled()}`),
  ],
  ['an unknown encoding', () => post('Transfer-Encoding: xchunked', `0\r\n\r\n${smuggled()}`)],
  [
    'chunked before another encoding',
    () => post('Transfer-Encoding: chunked, identity', `0\r\n\r\n${smuggled()}`),
  ],
  ['a space before the colon', () => post('Transfer-Encoding : chunked', `0\r\n\r\n${smuggled()}`)],
  [
    'a header over two lines',
    () => post('Transfer-Encoding:\r\n chunked', `0\r\n\r\n${smuggled()}`),
  ],
  ['a bad chunk size', () => post('Transfer-Encoding: chunked', `zz\r\n{}\r\n0\r\n\r\n`)],
  [
    'a chunk size beyond 64 bits',
    () => post('Transfer-Encoding: chunked', `fffffffffffffffff\r\n{}${smuggled()}`),
  ],
  ['a chunk without its end', () => post('Transfer-Encoding: chunked', `2\r\n{}${smuggled()}`)],
  ['line feeds alone', () => post('Content-Length: 2', '{}').replaceAll('\r\n', '\n')],
  ['a carriage return in a header', () => get('GET /v1/me HTTP/1.1', 'Host: a\r\nX: a\rY: b')],
  ['NUL in a header', () => get('GET /v1/me HTTP/1.1', 'Host: a\r\nX: a\0b')],
  ['NUL in a name', () => get('GET /v1/me HTTP/1.1', 'Host: a\r\nX\0: a')],
  ['100 KB of headers', () => get('GET /v1/me HTTP/1.1', `Host: a\r\nX: ${'x'.repeat(100_000)}`)],
  [
    '100 KB of small headers',
    () => get('GET /v1/me HTTP/1.1', `Host: a${'\r\nX: 1'.repeat(20_000)}`),
  ],
  ['100,000 headers', () => get('GET /v1/me HTTP/1.1', `Host: a${'\r\nX: 1'.repeat(100_000)}`)],
  ['an address of 100 KB', () => get(`GET /v1/${'x'.repeat(100_000)} HTTP/1.1`)],
  ['a query of a megabyte', () => get(`GET /v1/nodes?after=${'x'.repeat(1_000_000)} HTTP/1.1`)],
  ['no host', () => get('GET /v1/me HTTP/1.1', 'X: a')],
  ['an unknown method', () => get('FOO /v1/me HTTP/1.1')],
  ['a method in small letters', () => get('get /v1/me HTTP/1.1')],
  ['an address with a space', () => get('GET /v1/no des HTTP/1.1')],
  ['NUL in the address', () => get('GET /v1/\0me HTTP/1.1')],
  ['HTTP/2', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['HTTP/9.9', () => get('GET /v1/me HTTP/9.9')],
  ['TLS', () => Buffer.from('16030100a5010000a10303', 'hex')],
  ['no HTTP at all', () => 'EHLO mail.example.com\r\n'],
]

it('C6: who sends slowly holds up nobody', async () => {
  expect(slow.open()).toBe(200)
  const began = performance.now()
  expect((await sender.send({ method: 'GET', path: '/v1/me' })).status).toBe(200)
  // Who had to wait for them would wait until they are let go of.
  expect(performance.now() - began).toBeLessThan(limits.requestHeadersMs / 2)
})

it.each(malformed)('C6: %s is refused, and the connection with it', async (_what, bytes) => {
  const heard = await exchange(patchbay.url, bytes())
  expect(statusesIn(heard)).toHaveLength(1)
  expect([400, 408, 413, 431, 505]).toContain(statusesIn(heard)[0])
  expect(heard).toMatch(/connection: close/i)
  expect(heard).not.toMatch(/node:|\.ts|Parse Error/)
})

it('C6: nothing that was hidden in a body became a request', async () => {
  const { json } = await sender.send({ method: 'GET', path: '/v1/nodes' })
  expect(json.items).toMatchObject([{ id: 1 }])
  expect(patchbay.log.filter(({ level }) => level === 'error')).toEqual([])
})

/** Well-formed, and not for us: each is answered in our words, and the connection goes on. */
const strange: readonly [string, string, number[]][] = [
  ['TRACE', 'TRACE /v1/me HTTP/1.1\r\nHost: a', [405]],
  ['HEAD', 'HEAD /v1/me HTTP/1.1\r\nHost: a', [405]],
  ['OPTIONS of everything', 'OPTIONS * HTTP/1.1\r\nHost: a', [404]],
  ['a method of WebDAV', 'PROPFIND /v1/me HTTP/1.1\r\nHost: a', [404, 405]],
  // RFC 9112, 3.2.2: a server has to take it; its host counts for nothing.
  ['a whole address', 'GET http://169.254.169.254/v1/me HTTP/1.1\r\nHost: a', [401]],
  ['another host', 'GET /v1/me HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: b', [401]],
  ['an upgrade', 'GET /v1/me HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c', [401]],
  ['an expectation', 'GET /v1/me HTTP/1.1\r\nHost: a\r\nExpect: miracles', [401, 417]],
]

it.each(strange)('C6: %s is answered once', async (_what, lines, statuses) => {
  const heard = await exchange(patchbay.url, `${lines}\r\n\r\n`)
  expect(statusesIn(heard)).toHaveLength(1)
  expect(statuses).toContain(statusesIn(heard)[0])
  if (lines.startsWith('HEAD')) expect(heard.split('\r\n\r\n')[1]).toBe('')
})

/** Spellings of an address that some other part on the way might take for `/v1/nodes/1`. */
const spellings: readonly string[] = [
  ...['/v1/x/../nodes/1', '/./v1/nodes/1', '/v1/nodes/../nodes/1', '/v1/nodes/x/%2e%2e/1'],
  ...['/v1/..%2fv1/nodes/1', '/v1/nodes%2f1', '/v1/nodes/..%2f..%2fnodes%2f1', '/v1%2fnodes/1'],
  ...['//v1/nodes/1', '/v1//nodes/1', '/v1/nodes//1', '/v1/nodes/1/', '/v1/nodes/1//'],
  ...['/v1/nodes/1;x=1', '/v1/nodes;x/1', '/v1;/nodes/1', '/;/v1/nodes/1', '/v1/nodes/1%3b'],
  ...['/V1/nodes/1', '/v1/Nodes/1', '/v1/NODES/1', '/v1/nodes/1.', '/v1/nodes./1', '/v1./nodes/1'],
  ...['/v1/nodes/1%00', '/v1/nodes/1%20', '/v1/nodes/%201', '/v1/nodes/1%0d%0a', '/v1/nodes/1%'],
  ...['/v1/nodes/1.json', '/v1/nodes/1%2e', '/v1\\nodes\\1', '/v1/nodes%5c1', '/v1/nodes/%ff'],
  ...['/v1/nodes/%c0%af1', '/v1/nodes/%u0031', '/v1/nodes/%EF%BC%91', '/v1/nodes/1%23'],
  ...['/health/live/../../v1/nodes/1', '/health/..;/v1/nodes/1', '/health/live%2f..%2f..%2fv1'],
]

it.each(spellings)('C6: %s is no other way to a node', async (path) => {
  for (const each of [sender, stranger]) {
    const answer = await each.send({ method: 'GET', path })
    expect([400, 401, 404, 405]).toContain(answer.status)
    expect(faultsOf(answer)).toEqual([])
  }
})

it('C6: a letter that needs no escape may have one: it is the same route, with the same check', async () => {
  for (const path of ['/v1/nodes/%31', '/v1/%6eodes/1', '/%76%31/nodes/1']) {
    expect((await sender.send({ method: 'GET', path })).json).toMatchObject({ id: 1 })
    expect((await stranger.send({ method: 'GET', path })).status).toBe(401)
  }
})

const withBody = routes.filter(({ body }) => body !== undefined)
// Those that services call take whatever comes.
const withoutBody = routes.filter(({ body, foreign }) => body === undefined && !foreign)
const numbers = routes
  .flatMap(({ path }) => path.match(/\w+(?=\})/g) ?? [])
  .map((name) => [name, 1])
const names = { application: 'msgraph', name: 'MSOLUser', ref: 'a' }
const addresses = { ...Object.fromEntries(numbers), ...names }

it.each(withBody)('$name takes nothing but JSON', async (route) => {
  const { method } = route
  const path = addressOf(route, addresses, [])
  const types = ['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'text/json']
  types.push('multipart/form-data; boundary=x', 'application/json-patch+json', 'json', '*/*', '')
  for (const type of types) {
    const headers = { 'content-type': type }
    const answer = await sender.send({ method, path, headers, body: '{}' })
    expect(answer.status, type).toBe(415)
    expect(faultsOf(answer)).toEqual([])
  }
  for (const encoding of ['gzip', 'deflate', 'br', 'zstd', 'gzip, gzip', 'x']) {
    const headers = { 'content-encoding': encoding }
    const answer = await sender.send({ method, path, headers, body: '{}' })
    expect(answer.status, encoding).toBe(415)
  }
  const tooLarge = await sender.send({
    method,
    path,
    body: 'x'.repeat(limits.requestBodyBytes + 1),
  })
  expect(tooLarge).toMatchObject({ status: 413, json: { code: 'too-large' } })
  for (const body of ['', '{', '{}{}', "{'a':1}", '{"a":1,}', 'NaN', '\0']) {
    const answer = await sender.send({ method, path, body })
    expect(answer.status, body).toBe(400)
    expect(namedFields(answer), body).toEqual(['body'])
  }
})

it.each(withoutBody)('$name takes no body', async (route) => {
  const { method } = route
  const path = addressOf(route, addresses, [])
  const answer = await sender.send({ method, path, body: '{"name":"x"}' })
  expect(answer.status).toBe(400)
  expect(namedFields(answer)).toEqual(['body'])
})

it('C6: a compressed body is not opened, whatever is in it', async () => {
  const bomb = gzipSync(Buffer.alloc(50_000_000, ' ')).toString('latin1')
  const head = post(`Content-Encoding: gzip\r\nContent-Length: ${bomb.length}`, '')
  const heard = await exchange(patchbay.url, Buffer.from(head + bomb, 'latin1'))
  expect(statusesIn(heard)).toEqual([415])
})

it('C6: a body without a length ends at the same limit', async () => {
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
  const heard = await exchange(patchbay.url, post('Transfer-Encoding: chunked', chunk.repeat(20)))
  expect(statusesIn(heard)).toEqual([413])
})

it('a process that stops does not wait for who never comes to an end', async () => {
  const served = await serve(patchbay)
  const held = openSlowly(served.url, 3)
  await until(() => held.open() === 3)
  const began = performance.now()
  await served.close()
  expect(performance.now() - began).toBeLessThan(limits.stopMs - 2_000)
  expect(served.child.exitCode).toBe(0)
})

it('C6: who sends slowly is let go of', async () => {
  const held = await slow.held
  expect(held).toHaveLength(200)
  expect(Math.max(...held)).toBeLessThan(limits.requestHeadersMs + 5_000)
})
