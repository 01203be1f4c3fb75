import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { accept, echo, openSubscriber, refuse, type Subscriber } from './subscriber.ts'
import { type Answer, type Started, start } from './support.ts'

let emulator: Started
let subscriber: Subscriber
let users: string[]
beforeAll(async () => {
  emulator = await start({
    checkAnswers: true,
    notifications: { loopbackHttp: true, delayMs: 20, retryFirstMs: 20 },
    tenants: [{ users: 40, seed: 31 }],
  })
  const { value } = (await emulator.graph('GET', '/users?$select=id&$top=40')).json
  users = value.map((user: { id: string }) => user.id)
})
afterAll(async () => {
  const violations = await emulator.control('GET', '/violations')
  await emulator.close()
  expect(violations.json).toEqual([])
})
beforeEach(async () => {
  subscriber = await openSubscriber()
})
afterEach(async () => {
  await emulator.control('DELETE', '/faults')
  for (const { id } of (await emulator.graph('GET', '/subscriptions')).json.value) {
    await emulator.graph('DELETE', `/subscriptions/${id}`)
  }
  await subscriber.close()
})

const hours = (count: number) => 3_600_000 * count
const clock = async () => (await emulator.control('GET', '/clock')).json.now
const advance = (advanceMs: number) => emulator.control('POST', '/clock', { advanceMs })
const expiry = async (ms: number) => new Date((await clock()) + ms).toISOString()

async function subscribe(more: object = {}): Promise<Answer> {
  return await emulator.graph('POST', '/subscriptions', {
    changeType: 'updated,deleted',
    notificationUrl: subscriber.url,
    resource: 'users',
    expirationDateTime: await expiry(hours(24)),
    clientState: 'only we know',
    ...more,
  })
}

const rename = (id = users[0], city = `City ${performance.now()}`) =>
  emulator.graph('PATCH', `/users/${id}`, { city })
const all = () => subscriber.received.flat()
const arrived = (count: number) => expect.poll(() => all().length).toBe(count)
/** Long enough for what was not to come to have come. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 150))
const fault = (name: string, more: object = {}) =>
  emulator.control('POST', '/faults', { name, count: 1, ...more })
const lifecycle = (event: string, more: object = {}) =>
  emulator.control('POST', `/tenants/${emulator.tenant.tenantId}/lifecycle`, { event, ...more })

describe('an address', () => {
  test('proves itself by giving back the decoded token as plain text', async () => {
    const made = await subscribe({ lifecycleNotificationUrl: `${subscriber.url}&life=cycle` })
    expect(made.status).toBe(201)
    expect(made.json).toMatchObject({
      applicationId: emulator.tenant.clientId,
      clientState: 'only we know',
      resource: 'users',
    })
    expect(subscriber.asked).toHaveLength(2)
    for (const { url, contentType } of subscriber.asked) {
      expect(url).toMatch(/^\/notify\?of=graph&.*validationToken=Validation%3A%20/)
      expect(contentType).toBe('text/plain; charset=utf-8')
    }
  })

  test.each<[string, Subscriber['validate']]>([
    ['another text', (_, response) => echo('something else', response)],
    [
      'HTML',
      (token, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(token),
    ],
    ['no 200', (token, response) => response.writeHead(202).end(token)],
    ['a redirect', (_, response) => response.writeHead(302, { location: '/' }).end()],
    ['nothing', (_, response) => response.destroy()],
  ])('that answers with %s gets no subscription', async (_, validate) => {
    subscriber.validate = validate
    const refused = await subscribe()
    expect(refused.status).toBe(400)
    expect(refused.json.error.code).toBe('ValidationError')
    expect((await emulator.graph('GET', '/subscriptions')).json.value).toEqual([])
  })

  test('is https, unless the emulator was told otherwise for this machine', async () => {
    expect((await subscribe({ notificationUrl: 'http://192.0.2.1/' })).status).toBe(400)
    await emulator.control('PUT', '/notifications', { loopbackHttp: false })
    expect((await subscribe()).status).toBe(400)
    await emulator.control('PUT', '/notifications', { loopbackHttp: true })
    expect(subscriber.asked).toEqual([])
    // Reached over TLS that is verified, where it is no subscriber.
    const own = await subscribe({ notificationUrl: `${emulator.url}/v1.0/users` })
    expect(own.json.error.message).toContain('200 OK')
  })
})

describe('a subscription', () => {
  test.each([
    ['without a resource', { resource: undefined }],
    ['to what nobody can watch', { resource: 'subscribedSkus' }],
    ['to creations, which are told as updates', { changeType: 'created' }],
    ['with too long a client state', { clientState: 'x'.repeat(129) }],
    ['in the past', { expirationDateTime: '2020-01-01T00:00:00Z' }],
    ['that is unknown to the schema', { colour: 'red' }],
  ])('%s is refused', async (_, more) => {
    expect((await subscribe(more)).status).toBe(400)
    expect(subscriber.asked).toEqual([])
  })

  test('lasts between 45 and 41,760 minutes and can be made to last longer', async () => {
    const short = await subscribe({ expirationDateTime: await expiry(60_000) })
    const minutes = async (answer: Answer) =>
      Math.round((Date.parse(answer.json.expirationDateTime) - (await clock())) / 60_000)
    expect(await minutes(short)).toBe(45)
    const long = await expiry(41_800 * 60_000)
    expect((await subscribe({ expirationDateTime: long })).status).toBe(400)
    const path = `/subscriptions/${short.json.id}`
    const renewed = await emulator.graph('PATCH', path, {
      expirationDateTime: await expiry(hours(48)),
    })
    expect(await minutes(renewed)).toBe(48 * 60)
    expect((await emulator.graph('PATCH', path, { resource: 'groups' })).status).toBe(400)
    await advance(hours(48) + 1000)
    expect((await emulator.graph('GET', path)).status).toBe(404)
    await rename()
    await quiet()
    expect(all()).toEqual([])
  })

  test('is its application’s own, and needs the right to read', async () => {
    const { json } = await subscribe()
    const spec = { users: 2, seed: 9, roles: ['Group.Read.All'] }
    const other = (await emulator.control('POST', '/tenants', spec)).json
    const headers = { authorization: `Bearer ${await emulator.token(other)}` }
    const foreign = await emulator.call('GET', `/v1.0/subscriptions/${json.id}`, { headers })
    expect(foreign.status).toBe(404)
    const { changeType, notificationUrl, resource, expirationDateTime } = json
    const body = JSON.stringify({ changeType, notificationUrl, resource, expirationDateTime })
    const typed = { ...headers, 'content-type': 'application/json' }
    const made = await emulator.call('POST', '/v1.0/subscriptions', { headers: typed, body })
    expect(made.status).toBe(403)
  })

  test('there are a hundred of at most', async () => {
    for (let made = 0; made < 100; made++) expect((await subscribe()).status).toBe(201)
    expect((await subscribe()).status).toBe(403)
  })
})

describe('a change', () => {
  test('is told with the client state and what it is about', async () => {
    const { json } = await subscribe()
    await rename(users[3])
    await arrived(1)
    expect(all()[0]).toMatchObject({
      changeType: 'updated',
      clientState: 'only we know',
      resource: `Users/${users[3]}`,
      resourceData: { '@odata.type': '#Microsoft.Graph.User', id: users[3] },
      subscriptionId: json.id,
      tenantId: emulator.tenant.tenantId,
    })
  })

  test('is an update when somebody comes or is deleted, and a deletion only for good', async () => {
    const [id = ''] = users.splice(-1)
    await subscribe({ resource: `users/${id}` })
    await emulator.graph('DELETE', `/users/${id}`)
    await arrived(1)
    await emulator.graph('DELETE', `/directory/deletedItems/${id}`)
    await arrived(2)
    expect(all().map((one) => one.changeType)).toEqual(['updated', 'deleted'])
  })

  test('of other objects is not told, of members it is', async () => {
    const { value } = (await emulator.graph('GET', '/groups?$select=id,membershipRule')).json
    const plain = value.find((one: Record<string, unknown>) => one.membershipRule === null)
    const made = await subscribe({ resource: `/groups/${plain.id}/members` })
    expect(made.status).toBe(201)
    await rename()
    const change = { action: 'group-members', ids: [plain.id], add: 1, remove: 1, seed: 2 }
    await emulator.control('POST', `/tenants/${emulator.tenant.tenantId}/mutate`, change)
    await arrived(2)
    const deltas = all().flatMap((one) => one.resourceData?.['members@delta'])
    expect(deltas.filter((one) => one['@removed'] !== undefined)).toHaveLength(1)
  })

  test('comes with others that happen at once', async () => {
    await subscribe()
    await emulator.control('PUT', '/notifications', { delayMs: 200 })
    await Promise.all(users.slice(0, 12).map((id) => rename(id)))
    await arrived(12)
    await emulator.control('PUT', '/notifications', { delayMs: 20 })
    expect(subscriber.received.length).toBeLessThan(5)
  })

  test('is told again until it is taken', async () => {
    await subscribe()
    subscriber.answer = (response) => {
      if (subscriber.received.length < 3) refuse(response)
      else accept(response)
    }
    await rename(users[5])
    await arrived(3)
    await quiet()
    expect(subscriber.received).toHaveLength(3)
    expect(new Set(all().map((one) => one.resource)).size).toBe(1)
    const { json } = await emulator.control('GET', '/calls?service=notification')
    expect(json.slice(-3).map((call: { status: number }) => call.status)).toEqual([503, 503, 202])
  })

  test('that is not taken for four hours is missed', async () => {
    await subscribe({ lifecycleNotificationUrl: `${subscriber.url}&life=cycle` })
    await emulator.control('PUT', '/notifications', { retryFirstMs: 60_000 })
    subscriber.answer = (response) => {
      if (all().at(-1)?.lifecycleEvent === undefined) refuse(response)
      else accept(response)
    }
    await rename(users[6])
    await arrived(1)
    await quiet()
    await advance(hours(4) + 1000)
    await expect.poll(() => all().at(-1)?.lifecycleEvent).toBe('missed')
    expect(all()).toHaveLength(3)
    await emulator.control('PUT', '/notifications', { retryFirstMs: 20 })
    const { json } = await emulator.control('GET', '/notifications')
    expect(json.waiting).toBe(0)
  })
})

describe('faults', () => {
  test('lost: nothing comes', async () => {
    await subscribe()
    await fault('notification-lost', { path: users[1] })
    await rename(users[1])
    await rename(users[2])
    await arrived(1)
    await quiet()
    expect(all().map((one) => one.resourceData?.id)).toEqual([users[2]])
  })

  test('duplicated: it comes twice', async () => {
    await subscribe()
    await fault('notification-duplicated')
    await rename(users[1])
    await arrived(2)
    expect(all()[0]).toEqual(all()[1])
  })

  test('late: it comes on the emulator’s clock', async () => {
    await subscribe()
    await fault('notification-late', { value: hours(1) })
    await rename(users[1])
    await quiet()
    expect(all()).toEqual([])
    await advance(hours(1))
    await arrived(1)
  })
})

describe('life cycle', () => {
  const life = () => ({ lifecycleNotificationUrl: `${subscriber.url}&life=cycle` })

  test('asked to authorize: goes on for an hour, then only after it was done', async () => {
    const { json } = await subscribe(life())
    await lifecycle('reauthorizationRequired', { subscriptionId: json.id })
    await arrived(1)
    expect(all()[0]).toMatchObject({
      lifecycleEvent: 'reauthorizationRequired',
      subscriptionId: json.id,
      clientState: 'only we know',
    })
    await rename()
    await arrived(2)
    await advance(hours(1) + 1000)
    await rename()
    await quiet()
    expect(all()).toHaveLength(2)
    const path = `/subscriptions/${json.id}/reauthorize`
    expect((await emulator.graph('POST', path)).status).toBe(204)
    await rename()
    await arrived(3)
  })

  test('removed: told, and gone', async () => {
    const { json } = await subscribe(life())
    await lifecycle('subscriptionRemoved')
    await arrived(1)
    expect(all()[0]?.lifecycleEvent).toBe('subscriptionRemoved')
    expect((await emulator.graph('GET', `/subscriptions/${json.id}`)).status).toBe(404)
  })

  test('without an address for it, nothing is told', async () => {
    await subscribe()
    await lifecycle('missed')
    await quiet()
    expect(all()).toEqual([])
  })
})

test('an address that is slow too often gets nothing for a while', async () => {
  const elsewhere = await openSubscriber()
  await subscribe({ lifecycleNotificationUrl: elsewhere.url })
  let slow = 3
  subscriber.answer = async (response) => {
    if (slow-- > 0) await advance(11_000)
    accept(response)
  }
  for (let sent = 1; sent <= 10; sent++) {
    await rename(users[sent])
    await arrived(sent)
    await quiet()
  }
  await rename(users[0])
  await expect.poll(() => elsewhere.received.flat()[0]?.lifecycleEvent).toBe('missed')
  expect(all()).toHaveLength(10)
  await advance(600_000)
  await rename(users[0])
  await arrived(11)
  await elsewhere.close()
})
