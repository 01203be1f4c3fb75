import { afterAll, describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { app, post, send } from './things.ts'

afterAll(() => app.close())

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
