import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Started, start } from './support.ts'

/** What clients other than ours were seen to ask or to rely on. */

let emulator: Started
let person: { id: string; displayName: string; userPrincipalName: string }
beforeAll(async () => {
  emulator = await start({ checkAnswers: true, tenants: [{ users: 90, seed: 51 }] })
  const select = 'id,displayName,userPrincipalName'
  const { value } = (await emulator.graph('GET', `/users?$select=${select}&$top=9`)).json
  person = value[8]
})
afterAll(async () => {
  const violations = await emulator.control('GET', '/violations')
  await emulator.close()
  expect(violations.json).toEqual([])
})

const get = (path: string, headers = {}) => emulator.graph('GET', path, undefined, headers)
const eventual = { consistencylevel: 'eventual' }
const idsOf = (json: { value: { id: string }[] }) => json.value.map(({ id }) => id)

describe('the front', () => {
  test('answers a browser that asks whether it may, without a token', async () => {
    const headers = {
      origin: 'https://app.example',
      'access-control-request-headers': 'authorization',
    }
    const asked = await emulator.call('OPTIONS', '/v1.0/users', { headers })
    expect(asked.status).toBe(200)
    expect(asked.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-headers': 'authorization',
    })
    const read = await get('/users?$top=1', { origin: 'https://app.example' })
    expect(read.headers['access-control-expose-headers']).toContain('request-id')
    expect((await get('/users?$top=1')).headers['access-control-allow-origin']).toBeUndefined()
  })

  test.each([
    ['HEAD', '/users', 405, ''],
    ['PUT', `/users`, 405, 'method is not allowed'],
    ['GET', '/me', 400, '/me request is only valid with delegated authentication flow.'],
    ['GET', '/ME/messages', 400, '/me request is only valid'],
    ['GET', '/users?$colour=red', 400, "query parameter '$colour' is not supported"],
    ['GET', '/users?$top=1&$top=2', 400, 'more than once'],
    ['GET', '/users?$top=0', 400, 'Must be between 1 and 999'],
    ['GET', '/nothing', 400, "segment 'nothing'"],
    ['POST', '/users/x/nothing', 400, "segment 'nothing'"],
    ['GET', '/users/$count', 400, '$count is not currently supported'],
  ])('%s %s: %d', async (method, path, status, message) => {
    const answer = await emulator.graph(method, path)
    expect(answer.status).toBe(status)
    expect(answer.text).toContain(message)
    expect(answer.headers['request-id']).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('refuses in one form, with the ids under which it can be found again', async () => {
    const id = '0b1c2d3e-0000-4000-8000-00000000abcd'
    const answer = await get('/users/nobody@nowhere.example', { 'client-request-id': id })
    expect(answer.status).toBe(404)
    expect(answer.json.error).toEqual({
      code: 'Request_ResourceNotFound',
      message: expect.stringContaining('nobody@nowhere.example'),
      innerError: {
        date: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/),
        'request-id': answer.headers['request-id'],
        'client-request-id': id,
      },
    })
    expect(answer.headers['client-request-id']).toBe(id)
  })

  test('minds no case in paths, takes keys in brackets, ignores options without a sign', async () => {
    const { id } = person
    for (const path of [`/USERS/${id}`, `/users('${id}')`, `/Users/${id.toUpperCase()}?debug=1`]) {
      expect((await get(path)).json.id, path).toBe(id)
    }
  })

  test('knows types, actions and functions by their long and short names', async () => {
    const { value } = (await get('/groups?$top=1&$select=id')).json
    const members = `/groups/${value[0].id}/members`
    const long = (await get(`${members}/microsoft.graph.user?$select=id`)).json.value
    expect((await get(`${members}/graph.user?$select=id`)).json.value).toEqual(long)
    expect((await get('/users/microsoft.graph.delta()?$deltatoken=latest')).status).toBe(200)
    expect((await get('/users/delta()?$deltatoken=latest')).status).toBe(200)
    const ids = { ids: [person.id] }
    const path = '/directoryObjects/microsoft.graph.getByIds'
    expect((await emulator.graph('POST', path, ids)).json.value).toHaveLength(1)
  })

  test('serves beta under its own name', async () => {
    const authorization = `Bearer ${await emulator.token()}`
    const path = '/beta/users?$top=2&$select=id'
    const { json } = await emulator.call('GET', path, { headers: { authorization } })
    expect(json['@odata.context']).toBe(`${emulator.url}/beta/$metadata#users(id)`)
    expect(json['@odata.nextLink']).toMatch(`${emulator.url}/beta/users?`)
    const other = await emulator.call('GET', '/v2.0/users', { headers: { authorization } })
    expect(other.status).toBe(404)
  })

  test('leaves annotations out for those who want none, but not the next page', async () => {
    const accept = 'application/json;odata.metadata=none'
    const list = await get(`/users/${person.id}/memberOf?$top=1`, { accept })
    expect(list.headers['content-type']).toContain('odata.metadata=none')
    expect(JSON.stringify(list.json)).not.toMatch(/@odata\.(context|type)/)
    const users = await get('/users?$top=1', { accept })
    expect(Object.keys(users.json)).toEqual(['@odata.nextLink', 'value'])
  })
})

describe('what the service says of itself', () => {
  test('its schema, without a token', async () => {
    const { status, headers, text } = await emulator.call('GET', '/v1.0/$metadata')
    expect([status, headers['content-type']]).toEqual([200, 'application/xml'])
    expect(text).toContain('<EntitySet Name="users" EntityType="microsoft.graph.user"/>')
    const [user = ''] = /<EntityType Name="user">.*/.exec(text) ?? []
    expect(user).toContain('<Property Name="displayName" Type="Edm.String"/>')
    expect(user).toContain('<NavigationProperty Name="memberOf" Type="Collection(')
    // Every type that is named is there.
    const named = text.matchAll(/Type="(?:Collection\()?microsoft\.graph\.([\w.]+)\)?"/g)
    const types = new Set([...text.matchAll(/<\w+Type Name="([\w.]+)"/g)].map(([, name]) => name))
    expect(
      [...new Set([...named].map(([, name]) => name))].filter((one) => !types.has(one)),
    ).toEqual([])
  })

  test('its collections', async () => {
    const { json } = await emulator.call('GET', '/v1.0/')
    expect(json.value).toContainEqual({ name: 'users', kind: 'EntitySet', url: 'users' })
  })

  test.each([
    ['/users?$top=1&$select=id', 'users(id)'],
    ['/users?$top=1&$expand=manager', 'users(manager())'],
    ['/users?$top=1&$select=id&$expand=manager($select=id)', 'users(id,manager(id))'],
    ['/groups?$top=1', 'groups'],
    ['/subscribedSkus', 'subscribedSkus'],
    ['/devices', 'devices'],
    ['/directory/deletedItems/microsoft.graph.application', 'directoryObjects'],
  ])('%s: the context of its answer', async (path, context) => {
    const { json } = await get(path)
    expect(json['@odata.context']).toBe(`${emulator.url}/v1.0/$metadata#${context}`)
  })
})

test('a body that is too large is refused with an answer', async () => {
  const body = JSON.stringify({ aboutMe: 'x'.repeat(5 * 1024 * 1024) })
  const headers = {
    authorization: `Bearer ${await emulator.token()}`,
    'content-type': 'application/json',
  }
  const answer = await emulator.call('PATCH', `/v1.0/users/${person.id}`, { headers, body })
  expect(answer.status).toBe(413)
})

describe('single values', () => {
  test('a property by its own address', async () => {
    const { id, displayName } = person
    expect((await get(`/users/${id}/displayName`)).json).toEqual({
      '@odata.context': `${emulator.url}/v1.0/$metadata#users('${id}')/displayName`,
      value: displayName,
    })
    const raw = await get(`/users/${id}/DISPLAYNAME/$value`)
    expect(raw.headers['content-type']).toBe('text/plain')
    expect(raw.text).toBe(displayName)
    expect((await get(`/users/${id}/employeeLeaveDateTime`)).status).toBe(204)
    expect((await get(`/users/${id}/colour`)).status).toBe(400)
  })

  test('counts are plain text', async () => {
    const count = await get('/users/$count', eventual)
    expect(count.headers['content-type']).toBe('text/plain')
    expect(count.text).toBe('90')
  })

  test('what was made says where the directory keeps it', async () => {
    const made = await emulator.graph('POST', '/groups', {
      ...{ displayName: 'Kept', mailEnabled: false, mailNickname: 'kept', securityEnabled: true },
    })
    expect(made.headers.location).toContain(`/directoryObjects/${made.json.id}/`)
  })

  test('sessions are revoked', async () => {
    const path = `/users/${person.id}`
    const answer = await emulator.graph('POST', `${path}/revokeSignInSessions`)
    expect(answer.json.value).toBe(true)
    const { json } = await get(`${path}?$select=signInSessionsValidFromDateTime`)
    expect(Date.now() - Date.parse(json.signInSessionsValidFromDateTime)).toBeLessThan(60_000)
  })
})

describe('relations', () => {
  let outer: string
  let inner: string
  beforeAll(async () => {
    const make = async (name: string, members: string[]) =>
      (
        await emulator.graph('POST', '/groups', {
          ...{ displayName: name, mailEnabled: false, mailNickname: name, securityEnabled: true },
          'members@odata.bind': members.map((id) => `${emulator.url}/v1.0/directoryObjects/${id}`),
          'owners@odata.bind': [`${emulator.url}/v1.0/users/${person.id}`],
        })
      ).json.id
    inner = await make('inner', [person.id])
    outer = await make('outer', [inner])
  })

  test('are followed through other groups', async () => {
    expect(idsOf((await get(`/groups/${outer}/members`)).json)).toEqual([inner])
    const members = (await get(`/groups/${outer}/transitiveMembers?$select=id`)).json
    expect(idsOf(members).sort()).toEqual([person.id, inner].sort())
    const groups = idsOf((await get(`/users/${person.id}/transitiveMemberOf?$select=id`)).json)
    expect(groups).toEqual(expect.arrayContaining([inner, outer]))
    expect(idsOf((await get(`/users/${person.id}/ownedObjects`)).json)).toEqual(
      expect.arrayContaining([inner, outer]),
    )
  })

  test('of one type are a list of that type, which can be searched, sorted and counted', async () => {
    const path = `/groups/${outer}/transitiveMembers/microsoft.graph.user`
    const query = `?$count=true&$orderby=displayName&$filter=startswith(displayName,'${person.displayName.slice(0, 3)}')`
    const { json } = await get(path + query, eventual)
    expect(idsOf(json)).toEqual([person.id])
    expect(json['@odata.count']).toBe(1)
    expect(json.value[0]['@odata.type']).toBeUndefined()
    expect((await get(`${path}/$count`, eventual)).text).toBe('1')
    expect((await get(`/groups/${outer}/members/$ref`)).json.value).toEqual([
      { '@odata.id': expect.stringContaining(inner) },
    ])
  })

  test('are asked for by question', async () => {
    const path = `/users/${person.id}`
    const groups = await emulator.graph('POST', `${path}/getMemberGroups`, {
      securityEnabledOnly: true,
    })
    expect(groups.json.value).toEqual(expect.arrayContaining([inner, outer]))
    const checked = await emulator.graph('POST', `/directoryObjects/${inner}/checkMemberGroups`, {
      groupIds: [outer, '11111111-1111-4111-8111-111111111111'],
    })
    expect(checked.json.value).toEqual([outer])
    const many = { groupIds: Array.from({ length: 21 }, () => outer) }
    expect((await emulator.graph('POST', `${path}/checkMemberGroups`, many)).status).toBe(400)
  })

  test('managers of managers are shown as far up as asked', async () => {
    const { users, links } = (
      await emulator.control('GET', `/tenants/${emulator.tenant.tenantId}/snapshot`)
    ).json
    const managerOf = new Map<string, string>(
      links.flatMap((link: string) => {
        const [kind, from = '', to = ''] = link.split(' ')
        return kind === 'manager' ? [[from, to]] : []
      }),
    )
    const chain = (id: string): string[] => {
      const manager = managerOf.get(id)
      return manager === undefined ? [] : [manager, ...chain(manager)]
    }
    const low = users
      .map((user: { id: string }) => user.id)
      .find((id: string) => chain(id).length > 1)
    const { json } = await get(`/users/${low}?$expand=manager($levels=max;$select=id)&$select=id`)
    const shown: string[] = []
    for (let one = json.manager; one !== undefined; one = one.manager) shown.push(one.id)
    expect(shown).toEqual(chain(low))
    const one = (await get(`/users/${low}?$expand=manager($select=id)`)).json.manager
    expect(one.manager).toBeUndefined()
  })

  test('principals are found by id among people and groups', async () => {
    const { value } = (await get('/servicePrincipals?$expand=appRoleAssignments')).json
    const [own] = value
    expect(own.appRoleAssignments.length).toBeGreaterThan(5)
    const found = await emulator.graph('POST', '/directoryObjects/getByIds', {
      ids: [own.id, person.id, inner],
      types: ['servicePrincipal', 'user'],
    })
    expect(idsOf(found.json).sort()).toEqual([own.id, person.id].sort())
    const direct = (await get(`/directoryObjects/${own.id}`)).json
    expect(direct['@odata.type']).toBe('#microsoft.graph.servicePrincipal')
  })
})

describe('batches', () => {
  const send = (requests: object[]) => emulator.graph('POST', '/$batch', { requests })
  const read = (id: string | number, dependsOn?: string[]) => ({
    ...{ id, method: 'GET', url: `/users/${person.id}?$select=id`, dependsOn },
  })

  test('take numbers for ids, and depend in a chain or on one', async () => {
    const { responses } = (await send([read(1), read(2)])).json
    expect(responses.map((one: { id: string }) => one.id).sort()).toEqual(['1', '2'])
    const chain = [read('a'), read('b', ['a']), read('c', ['b'])]
    expect((await send(chain)).status).toBe(200)
    expect((await send([read('a'), read('b', ['a']), read('c', ['a']), read('d')])).status).toBe(
      200,
    )
    expect((await send([read('a'), read('b'), read('c', ['a']), read('d', ['b'])])).status).toBe(
      400,
    )
    expect((await send([read('a'), read('b', ['nobody'])])).status).toBe(400)
  })

  test('what depends on a failure fails with it, and what depends on that', async () => {
    const missing = { id: 'a', method: 'GET', url: '/users/nobody' }
    const { responses } = (await send([missing, read('b', ['a']), read('c', ['B'])])).json
    const statuses = responses.map((one: { id: string; status: number }) => [one.id, one.status])
    expect(Object.fromEntries(statuses)).toEqual({ a: 404, b: 424, c: 424 })
  })

  test('each item stands in the record with its batch', async () => {
    const answer = await send([read('x'), read('y')])
    const requestId = String(answer.headers['request-id'])
    const { json } = await emulator.control('GET', `/calls?requestId=${requestId}`)
    const { tenantId, clientId } = emulator.tenant
    for (const call of json) expect(call).toMatchObject({ tenantId, appId: clientId, status: 200 })
    expect(json.map((call: { batch?: object }) => call.batch)).toEqual([
      { requestId, item: 'x' },
      { requestId, item: 'y' },
      undefined,
    ])
  })
})

describe('deleted items', () => {
  test('need the right to their kind, and end after thirty days', async () => {
    const { value } = (await get('/users?$select=id&$top=999')).json
    const [one, two] = value.slice(-2)
    const domain = emulator.tenant.domain
    await emulator.graph('DELETE', `/users/${one.id}`)
    await emulator.graph('DELETE', `/users/${two.id}`)
    const path = '/directory/deletedItems/microsoft.graph.user'
    expect((await get(`${path}/$count`, eventual)).text).toBe('2')
    const changed = { roles: ['Group.ReadWrite.All', 'Directory.Read.All'] }
    const before = (await emulator.control('PATCH', `/tenants/${domain}`, {})).json.roles
    await emulator.control('PATCH', `/tenants/${domain}`, changed)
    const refused = await emulator.graph('DELETE', `/directory/deletedItems/${one.id}`)
    expect(refused.status).toBe(403)
    await emulator.control('PATCH', `/tenants/${domain}`, { roles: before })
    expect((await emulator.graph('POST', `/directory/deletedItems/${one.id}/restore`)).status).toBe(
      200,
    )
    await emulator.control('POST', '/clock', { advanceMs: 30 * 86_400_000 })
    expect((await get(path)).json.value).toEqual([])
    expect((await get(`/users/${one.id}`)).status).toBe(200)
  })

  test('a group does not come back under a name that was given away', async () => {
    const unified = {
      ...{ displayName: 'Twice', mailEnabled: true, mailNickname: 'twice' },
      ...{ securityEnabled: false, groupTypes: ['Unified'] },
    }
    const { id } = (await emulator.graph('POST', '/groups', unified)).json
    await emulator.graph('DELETE', `/groups/${id}`)
    expect((await emulator.graph('POST', '/groups', unified)).status).toBe(201)
    const restored = await emulator.graph('POST', `/directory/deletedItems/${id}/restore`)
    expect(restored.json.error.message).toContain('mailNickname')
  })
})
