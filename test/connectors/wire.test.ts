import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createGraphWire } from '../../src/connectors/graph/wire.ts'
import type { Json } from '../../src/core/json.ts'
import { readWhole } from '../../src/core/wire.ts'
import { json, type Microsoft, type Reply, startMicrosoft } from './microsoft.ts'
import { groupModel, skuModel, userModel } from './models.ts'

let microsoft: Microsoft
const { signal } = new AbortController()
const guid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

beforeAll(async () => {
  microsoft = await startMicrosoft()
})
afterAll(() => microsoft.close())
beforeEach(() => microsoft.reset())

const wire = () => createGraphWire(microsoft.transport())
const graph = (path: string) => `${microsoft.cloud.graph}/v1.0/${path}`
const sent = () =>
  microsoft.sent('graph.test').map(({ method, url }) => `${method} ${decodeURIComponent(url)}`)

/** Answers by path and query, in the first rule that fits. */
function serve(rules: readonly [RegExp, Reply][]): void {
  microsoft.replies.graph = (response, received) => {
    const rule = rules.find(([pattern]) => pattern.test(decodeURIComponent(received.url)))
    const reply = rule?.[1] ?? json(404, { error: { code: 'Request_ResourceNotFound' } })
    reply(response, received)
  }
}
const user = (n: number, more: Record<string, Json> = {}) => ({
  id: guid(n),
  displayName: `User ${n}`,
  businessPhones: [],
  ...more,
})

describe('list', () => {
  it('asks for what the model needs and reads page after page', async () => {
    serve([
      [/skiptoken=2/, json(200, { value: [user(3, { manager: null })] })],
      [
        /users\?/,
        json(200, {
          '@odata.nextLink': graph('users?$skiptoken=2'),
          value: [
            user(1, {
              manager: { '@odata.type': '#microsoft.graph.user', id: guid(9) },
              assignedLicenses: [
                { skuId: guid(8), disabledPlans: [] },
                { skuId: guid(7), disabledPlans: [guid(6)] },
              ],
            }),
            user(2),
          ],
        }),
      ],
    ])
    const first = await wire().list(userModel, undefined, signal)
    expect(sent()[0]).toBe(
      'GET /v1.0/users?$select=id,displayName,userPrincipalName,accountEnabled,department,businessPhones,proxyAddresses,createdDateTime,assignedLicenses&$top=999&$expand=manager($select=id)',
    )
    expect(readWhole(first).objects.map(({ links }) => links)).toEqual([
      { manager: [guid(9)], licence: [guid(7), guid(8)] },
      { manager: [], licence: [] },
    ])
    expect(readWhole(first).objects[1]?.data).toEqual({
      id: guid(2),
      displayName: 'User 2',
      userPrincipalName: null,
      accountEnabled: null,
      department: null,
      businessPhones: [],
      proxyAddresses: null,
      createdDateTime: null,
      assignedLicenses: null,
    })
    const second = await wire().list(userModel, first.next, signal)
    expect(second.next).toBeUndefined()
    expect(readWhole(second).objects).toHaveLength(1)
  })

  it('sends no options to a collection that takes none', async () => {
    serve([[/subscribedSkus$/, json(200, { value: [{ skuId: guid(1) }] })]])
    const { objects } = readWhole(await wire().list(skuModel, undefined, signal))
    expect(objects[0]?.data.skuId).toBe(guid(1))
    expect(sent()).toEqual(['GET /v1.0/subscribedSkus'])
  })

  it('takes constants of the model instead of its own, and leaves out the empty ones', async () => {
    serve([[/users/, json(200, { value: [] })]])
    const call = { call: 'users', with: { $top: '500', $select: '', $count: 'true' } }
    await wire().list({ ...userModel, list: call }, undefined, signal)
    expect(sent()).toEqual(['GET /v1.0/users?$top=500&$count=true'])
    expect(microsoft.sent('graph.test')[0]?.headers.consistencylevel).toBe('eventual')
  })

  it('rejects what is not what the model says, by the name of the property alone', async () => {
    const bad: Json[] = [
      user(1, { accountEnabled: 'yes' }),
      user(2, { businessPhones: '123' }),
      user(3, { businessPhones: [{ hidden: 'secret' }] }),
      user(4, { displayName: 'a\0b' }),
      user(5, { displayName: '\ud800' }),
      user(6, { createdDateTime: '5 apples' }),
      user(7, { assignedLicenses: ['x'] }),
      user(8, { manager: { id: 7 } }),
      user(9, { displayName: ['secret'] }),
      { displayName: 'no id' },
      { id: '' },
      { id: 12 },
      null,
      'text',
      [],
    ]
    serve([[/users/, json(200, { value: [...bad, user(10)] })]])
    const { objects, rejected } = readWhole(await wire().list(userModel, undefined, signal))
    expect(objects.map(({ data }) => data.id)).toEqual([guid(10)])
    expect(rejected).toHaveLength(bad.length)
    expect(rejected.slice(0, 2)).toEqual([
      { key: guid(1), reason: 'accountEnabled is not what the model says it is' },
      { key: guid(2), reason: 'businessPhones is not what the model says it is' },
    ])
    expect(JSON.stringify(rejected)).not.toContain('secret')
  })

  it('gives equal text for equal objects, whatever their order, and drops what was not asked', async () => {
    const one = {
      id: guid(1),
      displayName: 'A',
      proxyAddresses: ['smtp:b', 'SMTP:a'],
      businessPhones: ['2', '1'],
      assignedLicenses: [
        { skuId: guid(2), disabledPlans: [] },
        { skuId: guid(1), disabledPlans: [guid(9)] },
      ],
      surprise: 'x',
    }
    const other =
      `{"assignedLicenses":[{"disabledPlans":["${guid(9)}"],"@odata.type":"y","skuId":"${guid(1)}"},` +
      `{"disabledPlans":[],"skuId":"${guid(2)}","__proto__":{"polluted":true}}],` +
      `"proxyAddresses":["SMTP:a","smtp:b"],"businessPhones":["2","1"],"displayName":"A",` +
      `"id":"${guid(1)}","__proto__":{"accountEnabled":true},"constructor":{}}`
    serve([
      [
        /users/,
        (response) =>
          response
            .writeHead(200, { 'content-type': 'application/json' })
            .end(`{"value":[${JSON.stringify(one)},${other}]}`),
      ],
    ])
    const { objects } = readWhole(await wire().list(userModel, undefined, signal))
    const [first, second] = objects.map(({ data }) => JSON.stringify(data))
    expect(first).toBe(second)
    expect(first).toContain('"businessPhones":["2","1"]')
    expect(objects[1]?.data.assignedLicenses).toEqual(objects[0]?.data.assignedLicenses)
    for (const licence of [objects[1]?.data.assignedLicenses].flat()) {
      expect(Object.getPrototypeOf(licence)).toBe(Object.prototype)
    }
    expect(first).not.toMatch(/surprise|odata|polluted|"accountEnabled":true/)
  })

  it('refuses a page that is none, and a next page that is elsewhere or itself', async () => {
    const evil = microsoft.cloud.graph.replace('graph', 'evil')
    for (const body of [
      {},
      { value: {} },
      { value: [], '@odata.nextLink': `${evil}/v1.0/users?$skiptoken=1` },
      { value: [], '@odata.nextLink': 7 },
    ]) {
      serve([[/users/, json(200, body)]])
      await expect(wire().list(userModel, undefined, signal)).rejects.toMatchObject({
        code: 'microsoft-broken-answer',
      })
    }
    const self = graph('users?$skiptoken=1')
    serve([[/users/, json(200, { value: [], '@odata.nextLink': self })]])
    await expect(wire().list(userModel, self, signal)).rejects.toMatchObject({
      code: 'microsoft-broken-answer',
    })
    expect(microsoft.sent('evil.test')).toHaveLength(0)
  })

  it('says that a place in the list is no longer known', async () => {
    serve([[/users/, json(400, { error: { code: 'Directory_ExpiredPageToken', message: '' } })]])
    await expect(wire().list(userModel, graph('users?$skiptoken=1'), signal)).rejects.toMatchObject(
      { code: 'microsoft-token-expired' },
    )
  })
})

describe('delta', () => {
  it('begins from now, with relations among what it watches', async () => {
    const deltaLink = graph('users/delta?$deltatoken=1')
    serve([[/delta/, json(200, { value: [], '@odata.deltaLink': deltaLink })]])
    expect(await wire().deltaNow(userModel, signal)).toBe(deltaLink)
    expect(sent()[0]).toMatch(/assignedLicenses,manager&\$deltatoken=latest$/)
    expect(sent()[0]).not.toMatch(/\$top|\$expand/)
    await wire().deltaNow(groupModel, signal)
    expect(sent()[1]).toBe(
      'GET /v1.0/groups/delta?$select=id,displayName,groupTypes,members,owners&$deltatoken=latest',
    )
  })

  it('folds repeats, removals and changes of relations', async () => {
    const deltaLink = graph('users/delta?$deltatoken=2')
    const changed = (n: number, removed = false) => ({
      '@odata.type': '#microsoft.graph.user',
      id: guid(n),
      ...(removed ? { '@removed': { reason: 'deleted' } } : {}),
    })
    serve([
      [
        /delta/,
        json(200, {
          '@odata.deltaLink': deltaLink,
          value: [
            user(1, { department: 'Old' }),
            { id: guid(2), '@removed': { reason: 'changed' } },
            { id: guid(3), '@removed': { reason: 'deleted' } },
            user(1, { department: 'New', 'manager@delta': [changed(8, true)] }),
            user(1, { department: 'New', 'manager@delta': [changed(9)] }),
            user(3),
            user(4, { 'manager@delta': [changed(8, true)] }),
            user(6, { 'manager@delta': [changed(9)] }),
            user(6, { 'manager@delta': [changed(8, true)] }),
            user(5, { accountEnabled: 1 }),
          ],
        }),
      ],
    ])
    const page = await wire().delta(userModel, graph('users/delta?$deltatoken=1'), signal)
    expect(page).toMatchObject({ removed: [guid(2)], next: undefined, resume: deltaLink })
    expect(
      readWhole(page).objects.map(({ data, links }) => [data.id, data.department, links]),
    ).toEqual([
      [guid(1), 'New', { manager: [guid(9)], licence: [] }],
      [guid(3), null, { licence: [] }],
      [guid(4), null, { manager: [], licence: [] }],
      [guid(6), null, { manager: [guid(9)], licence: [] }],
    ])
    expect(readWhole(page).rejected.map(({ key }) => key)).toEqual([guid(5)])
  })

  it('does not take changed members for the members', async () => {
    serve([
      [
        /delta/,
        json(200, {
          '@odata.nextLink': graph('groups/delta?$skiptoken=2'),
          value: [{ id: guid(1), displayName: 'G', 'members@delta': [{ id: guid(2) }] }],
        }),
      ],
    ])
    const page = await wire().delta(groupModel, graph('groups/delta?$deltatoken=1'), signal)
    expect(readWhole(page).objects[0]?.links).toEqual({})
    expect(page.resume).toBeUndefined()
    expect(page.next).toContain('skiptoken=2')
  })

  it.each([
    [410, 'syncStateNotFound'],
    [410, 'resyncRequired'],
    [410, 'Anything'],
    [400, 'Directory_ExpiredPageToken'],
  ])('an expired token (%i %s) asks for a full list', async (status, code) => {
    serve([[/delta/, json(status, { error: { code, message: '' } }, { location: 'x' })]])
    await expect(
      wire().delta(userModel, graph('users/delta?$deltatoken=1'), signal),
    ).rejects.toMatchObject({ code: 'microsoft-token-expired' })
  })

  it('a last page without a way on is broken', async () => {
    serve([[/delta/, json(200, { value: [] })]])
    await expect(
      wire().delta(userModel, graph('users/delta?$deltatoken=1'), signal),
    ).rejects.toMatchObject({ code: 'microsoft-broken-answer' })
    await expect(wire().deltaNow(userModel, signal)).rejects.toMatchObject({
      code: 'microsoft-broken-answer',
    })
  })
})

describe('one object and its lists', () => {
  it('gets one by key, or undefined', async () => {
    serve([[new RegExp(`users/${guid(1)}`), json(200, user(1, { manager: { id: guid(2) } }))]])
    expect((await wire().get(userModel, guid(1), signal))?.links.manager).toEqual([guid(2)])
    expect(await wire().get(userModel, guid(9), signal)).toBeUndefined()
  })
})

describe('changes', () => {
  it('are data until they are sent', async () => {
    const call = wire().updateCall(userModel, guid(1), { department: 'Sales', displayName: 'B' })
    expect(call).toEqual({
      wire: 'graph',
      method: 'PATCH',
      path: ['users', guid(1)],
      query: {},
      body: { department: 'Sales', displayName: 'B' },
      cost: 1,
    })
    expect(microsoft.received).toHaveLength(0)
    microsoft.replies.graph = (response) => response.writeHead(204).end()
    await wire().send(call, signal)
    expect(microsoft.sent('graph.test')[0]).toMatchObject({
      method: 'PATCH',
      url: `/v1.0/users/${guid(1)}`,
      body: '{"department":"Sales","displayName":"B"}',
    })
  })

  it.each([
    ['proxyAddresses', ['x']],
    ['id', 'x'],
    ['unheardOf', 1],
    ['__proto__', {}],
    ['constructor', {}],
    ['accountEnabled', 'yes'],
    ['department', 'x'.repeat(65)],
    ['businessPhones', '1'],
  ] as [string, Json][])('of %s are refused', (name, value) => {
    const changes = JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(value)}}`)
    expect(() => wire().updateCall(userModel, guid(1), changes)).toThrow(name)
  })
})
