import { request as httpsRequest } from 'node:https'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { everyPage, type Started, secretForm, start } from './support.ts'

let emulator: Started
let authorization: string
beforeAll(async () => {
  emulator = await start({
    tenants: [
      { users: 60, seed: 1 },
      { users: 5, seed: 2 },
    ],
  })
  authorization = `Bearer ${await emulator.token()}`
})
afterAll(() => emulator.close())
afterEach(() => emulator.control('DELETE', '/faults'))

const fault = (name: string, more: object = {}) =>
  emulator.control('POST', '/faults', { name, path: '^/v1.0/', ...more })
const users = (query = '?$select=id&$top=20') =>
  emulator.call('GET', `/v1.0/users${query}`, { headers: { authorization } })

describe('answers in place of the call', () => {
  test.each([
    ['2.128'],
    ['0'],
    ['-5'],
    ['1000000000'],
    ['soon'],
    ['Wed, 21 Oct 2026 07:28:00 GMT'],
  ])('throttled with Retry-After %s', async (retryAfter) => {
    await fault('throttle', { retryAfter })
    const answer = await users()
    expect(answer.status).toBe(429)
    expect(answer.headers['retry-after']).toBe(retryAfter)
    expect(answer.json.error.code).toBe('TooManyRequests')
  })

  test('throttled without a Retry-After', async () => {
    await fault('throttle', { retryAfter: null })
    expect((await users()).headers['retry-after']).toBeUndefined()
  })

  test.each([500, 502, 503, 504, 507])('status %d', async (status) => {
    await fault('status', { status })
    expect((await users()).status).toBe(status)
  })

  test('forbidden, redirected, refused token', async () => {
    await fault('forbidden', { count: 1 })
    expect((await users()).status).toBe(403)
    await fault('redirect', { count: 1, value: 'http://127.0.0.1:1/' })
    expect(await users()).toMatchObject({
      status: 302,
      headers: { location: 'http://127.0.0.1:1/' },
    })
    await fault('token-refused', { count: 1 })
    expect((await users()).status).toBe(401)
    expect((await users()).status).toBe(200)
  })

  test('an empty body and a page of HTML, both with 200', async () => {
    await fault('empty-body', { count: 1 })
    expect(await users()).toMatchObject({ status: 200, text: '' })
    await fault('html-200', { count: 1 })
    expect((await users()).text).toContain('<html>')
  })

  test('page and delta tokens that ended', async () => {
    await fault('expired-page-token')
    const first = await users()
    expect(first.status).toBe(200)
    const next = new URL(first.json['@odata.nextLink'])
    expect((await users(next.search)).json.error.code).toBe('Directory_ExpiredPageToken')
    await emulator.control('DELETE', '/faults')
    await fault('unknown-page-token')
    const unknown = await users(next.search)
    expect(unknown.json.error.code).toBe('DirectoryPageTokenNotFoundException')
    await emulator.control('DELETE', '/faults')
    await fault('expired-delta-token')
    const latest = await emulator.graph('GET', '/users/delta?$deltatoken=latest')
    const answer = await emulator.graph('GET', latest.json['@odata.deltaLink'])
    expect(answer.status).toBe(410)
    expect(answer.headers.location).toMatch(/\/users\/delta\?\$deltatoken=$/)
    expect((await emulator.graph('GET', String(answer.headers.location))).status).toBe(200)
  })

  test('sign-in: refused with any number, or a token for another service', async () => {
    const signIn = () =>
      emulator.call('POST', `/${emulator.tenant.tenantId}/oauth2/v2.0/token`, {
        body: secretForm(emulator.tenant),
      })
    await emulator.control('POST', '/faults', { name: 'sign-in-refused', value: 53003, count: 1 })
    expect((await signIn()).json.error_codes).toEqual([53003])
    await emulator.control('POST', '/faults', { name: 'wrong-token', count: 1 })
    const foreign = `Bearer ${(await signIn()).json.access_token}`
    const answer = await emulator.call('GET', '/v1.0/users', {
      headers: { authorization: foreign },
    })
    expect(answer.status).toBe(401)
  })
})

describe('answers that are not what they should be', () => {
  const ids = (list: { id: string }[]) => list.map((user) => user.id)

  test('links: to elsewhere, to the same page, without end', async () => {
    await fault('foreign-next-link', { value: 'http://169.254.169.254/', count: 1 })
    expect((await users()).json['@odata.nextLink']).toBe('http://169.254.169.254/')
    await fault('repeat-next-link', { count: 1 })
    expect((await users()).json['@odata.nextLink']).toBe(
      `${emulator.url}/v1.0/users?$select=id&$top=20`,
    )
    await fault('endless-next-link')
    const seen = new Set<string>()
    let query = '?$select=id&$top=20'
    for (let page = 0; page < 20; page++) {
      const answer = await users(query)
      expect(answer.status).toBe(200)
      query = new URL(answer.json['@odata.nextLink']).search
      seen.add(query)
    }
    expect(seen.size).toBe(20)
  })

  test('items: twice, in another order, none, half of them, broken', async () => {
    const whole = ids((await users('?$select=id&$top=60')).json.value)
    const read = async (name: string, more = {}) => {
      await fault(name, { count: 1, ...more })
      return (await users('?$select=id,displayName&$top=60')).json
    }
    const twice = ids((await read('duplicate-items')).value)
    expect(twice.length).toBeGreaterThan(60)
    expect(new Set(twice).size).toBe(60)
    expect(ids((await read('reorder-items')).value)).toEqual(whole.toReversed())
    expect(await read('empty-list')).not.toHaveProperty('@odata.nextLink')
    const half = ids((await read('half-missing')).value)
    expect(half.length).toBeGreaterThan(10)
    expect(half.length).toBeLessThan(50)
    expect((await read('bad-object')).value[0].displayName).toEqual({ unexpected: true })
    expect((await read('bad-object', { value: { id: null } })).value[0].id).toBeNull()
  })
})

describe('connections', () => {
  test('cut before the headers, after them, and in the middle of the body', async () => {
    await fault('reset-before-headers', { count: 1 })
    await expect(users()).rejects.toThrow(/hang up|reset/i)
    await fault('reset-after-headers', { count: 1 })
    await expect(users()).rejects.toThrow(/aborted|reset/i)
    await fault('cut-body', { count: 1 })
    await expect(users()).rejects.toThrow(/aborted|reset|end of file/i)
    expect((await users()).status).toBe(200)
  })

  test('a write whose outcome nobody is told', async () => {
    const { value } = (await users()).json
    const path = `/users/${value[9].id}`
    await fault('unknown-outcome', { method: 'PATCH', count: 1 })
    await expect(emulator.graph('PATCH', path, { city: 'Nowhere' })).rejects.toThrow(
      /hang up|reset/i,
    )
    expect((await emulator.graph('GET', `${path}?$select=city`)).json.city).toBe('Nowhere')
    const calls = await emulator.control('GET', '/calls?writes=true')
    expect(calls.json.at(-1)).toMatchObject({ status: 0, applied: true, fault: 'unknown-outcome' })
  })

  test('an answer that never comes, drips, or never ends', async () => {
    const read = (until: (bytes: number) => boolean) =>
      new Promise<{ bytes: number; encoding: string | undefined }>((resolve, reject) => {
        const url = new URL('/v1.0/users', emulator.url)
        const outgoing = httpsRequest(url, { ca: emulator.caPem, headers: { authorization } })
        const finish = (bytes: number, encoding?: string) => {
          outgoing.destroy()
          resolve({ bytes, encoding })
        }
        const timer = setTimeout(() => finish(0), 700)
        outgoing.on('error', reject)
        outgoing.on('response', (response) => {
          let bytes = 0
          response.on('data', (chunk: Buffer) => {
            bytes += chunk.length
            if (!until(bytes)) return
            clearTimeout(timer)
            finish(bytes, response.headers['content-encoding'])
          })
        })
        outgoing.end()
      })
    await fault('hang', { count: 1 })
    expect((await read(() => true)).bytes).toBe(0)
    await fault('drip', { count: 1 })
    expect((await read(() => true)).bytes).toBe(1)
    await fault('huge-body', { count: 1 })
    expect((await read((bytes) => bytes > 5_000_000)).bytes).toBeGreaterThan(5_000_000)
    await fault('gzip-bomb', { count: 1, value: 50_000_000 })
    const bomb = await read((bytes) => bytes > 10_000)
    expect(bomb.encoding).toBe('gzip')
  })
})

describe('whom a fault befalls', () => {
  test('one tenant, one path, one method, after some, so many times', async () => {
    const [, other] = emulator.tenants
    await fault('status', { tenantId: other?.tenantId })
    expect((await users()).status).toBe(200)
    const headers = { authorization: `Bearer ${await emulator.token(other)}` }
    expect((await emulator.call('GET', '/v1.0/users', { headers })).status).toBe(503)
    await emulator.control('DELETE', '/faults')
    await emulator.control('POST', '/faults', {
      name: 'status',
      path: '/groups',
      method: 'GET',
      skip: 1,
      count: 2,
    })
    expect((await users()).status).toBe(200)
    const statuses = []
    for (let call = 0; call < 5; call++)
      statuses.push((await emulator.graph('GET', '/groups')).status)
    expect(statuses).toEqual([200, 503, 503, 200, 200])
    expect((await emulator.control('GET', '/faults')).json[0]).toMatchObject({ seen: 5, fired: 2 })
  })

  test('by chance, and the same by the same seed', async () => {
    const outcomes = async () => {
      await fault('status', { probability: 0.5, seed: 42 })
      const statuses = []
      for (let call = 0; call < 30; call++) statuses.push((await users()).status)
      await emulator.control('DELETE', '/faults')
      return statuses.join(' ')
    }
    const first = await outcomes()
    expect(first).toContain('503')
    expect(first).toContain('200')
    expect(await outcomes()).toBe(first)
  })

  test('with every other call failing, a patient reader still gets everyone', async () => {
    await fault('status', { probability: 0.5, seed: 7 })
    const seen = new Set<string>()
    let query: string | undefined = '?$select=id&$top=7'
    for (let attempt = 0; query !== undefined && attempt < 200; attempt++) {
      const answer = await users(query)
      if (answer.status !== 200) continue
      for (const user of answer.json.value) seen.add(user.id)
      const next: string | undefined = answer.json['@odata.nextLink']
      query = next === undefined ? undefined : new URL(next).search
    }
    expect(seen.size).toBe(60)
  })

  test('unknown names are refused with the names there are', async () => {
    const answer = await fault('sunshine')
    expect(answer.status).toBe(400)
    expect(answer.json.error).toContain('reset-before-headers')
    expect((await fault('throttle', { colour: 1 })).status).toBe(400)
  })
})

describe('the rest of the control API', () => {
  test('equal seeds make equal tenants, others make others', async () => {
    const make = async (seed: number) => {
      const { tenantId } = (await emulator.control('POST', '/tenants', { users: 80, seed })).json
      const text = (await emulator.control('GET', `/tenants/${tenantId}/snapshot`)).text
      await emulator.control('DELETE', `/tenants/${tenantId}`)
      return text
    }
    const first = await make(77)
    expect(await make(77)).toBe(first)
    expect(await make(78)).not.toBe(first)
  })

  test('calls are recorded with who, what and how it ended', async () => {
    await emulator.control('DELETE', '/calls')
    await everyPage(emulator, '/users?$select=id&$top=30')
    const calls = (await emulator.control('GET', '/calls?service=graph')).json
    expect(calls).toHaveLength(2)
    expect(calls[0]).toMatchObject({
      method: 'GET',
      path: '/v1.0/users?$select=id&$top=30',
      status: 200,
      tenantId: emulator.tenant.tenantId,
      appId: emulator.tenant.clientId,
      write: false,
      rows: 30,
    })
    const stats = (await emulator.control('GET', '/stats')).json[emulator.tenant.tenantId]
    expect(stats).toMatchObject({ calls: 4, tokenRequests: 2, writes: 0 })
  })

  test('latency follows the model', async () => {
    await emulator.control('PUT', '/latency', { fixedMs: 60, perRowMs: 1 })
    const started = performance.now()
    await users('?$select=id&$top=40')
    const ms = performance.now() - started
    await emulator.control('PUT', '/latency', {})
    const bare = performance.now()
    await users('?$select=id&$top=40')
    expect(ms).toBeGreaterThan(99)
    // On a machine that is busy with other things all of it takes longer.
    expect(ms).toBeLessThan(400 + 3 * (performance.now() - bare))
  })

  test('without control it is as if there were none', async () => {
    const closed = await start({ control: false, tenants: [{ users: 1, seed: 1 }] })
    const answer = await closed.control('GET', '/tenants')
    const elsewhere = await closed.call('GET', '/anything/else')
    await closed.close()
    expect(answer.status).toBe(404)
    expect(answer.text).toBe(elsewhere.text)
  })
})
