import { afterAll, beforeAll, expect, test } from 'vitest'
import { everyPage, type Started, start } from './support.ts'

let emulator: Started
beforeAll(async () => {
  emulator = await start({ checkAnswers: true, tenants: [{ users: 300, seed: 4 }] })
})
afterAll(async () => {
  const violations = await emulator.control('GET', '/violations')
  await emulator.close()
  expect(violations.json).toEqual([])
})

const get = (path: string) => emulator.graph('GET', path)

test('groups with their members and owners are what the tenant holds', async () => {
  const snapshot = await emulator.control('GET', `/tenants/${emulator.tenant.domain}/snapshot`)
  const { items } = await everyPage(emulator, '/groups?$top=10')
  expect(items).toHaveLength(snapshot.json.groups.length)
  const links: string[] = []
  for (const group of items) {
    const members = await everyPage(emulator, `/groups/${group.id}/members?$select=id&$top=7`)
    links.push(...members.items.map((member) => `member ${group.id} ${member.id}`))
    expect(
      members.items.every((member) =>
        /^#microsoft\.graph\.(user|group)$/.test(member['@odata.type']),
      ),
    ).toBe(true)
    const owners = await everyPage(emulator, `/groups/${group.id}/owners?$select=id,mail`)
    links.push(...owners.items.map((owner) => `owner ${group.id} ${owner.id}`))
  }
  const known = snapshot.json.links.filter((link: string) => !link.startsWith('manager '))
  expect(links.sort()).toEqual(known)
  const kinds = new Set(
    items.map((group) =>
      JSON.stringify([group.groupTypes, group.mailEnabled, group.securityEnabled]),
    ),
  )
  expect(kinds.size).toBeGreaterThanOrEqual(4)
})

test('groups can be filtered by kind', async () => {
  const filter = encodeURIComponent("groupTypes/any(c:c eq 'Unified')")
  const { items } = await everyPage(emulator, `/groups?$filter=${filter}&$select=id,groupTypes`)
  expect(items.length).toBeGreaterThan(2)
  expect(items.every((group) => group.groupTypes.includes('Unified'))).toBe(true)
})

test('the application finds its own principal, its grants and its directory roles', async () => {
  const filter = encodeURIComponent(`appId eq '${emulator.tenant.clientId}'`)
  const [own] = (await get(`/servicePrincipals?$filter=${filter}`)).json.value
  const grants = (await get(`/servicePrincipals/${own.id}/appRoleAssignments`)).json.value
  const graph = (await get("/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')")).json
  const names = new Map(
    graph.appRoles.map((role: { id: string; value: string }) => [role.id, role.value]),
  )
  const granted = grants
    .filter((grant: { resourceId: string }) => grant.resourceId === graph.id)
    .map((grant: { appRoleId: string }) => names.get(grant.appRoleId))
  expect(granted).toContain('User.ReadWrite.All')
  expect(granted).not.toContain(undefined)
  const principal = encodeURIComponent(`principalId eq '${own.id}'`)
  const roles = await get(
    `/roleManagement/directory/roleAssignments?$filter=${principal}&$expand=roleDefinition`,
  )
  expect(
    roles.json.value.map(
      (one: { roleDefinition: { displayName: string } }) => one.roleDefinition.displayName,
    ),
  ).toEqual(['Teams Administrator', 'Exchange Administrator'])
  expect(
    (await get('/domains')).json.value.filter((one: { isDefault: boolean }) => one.isDefault),
  ).toHaveLength(1)
})

test('a batch answers each of its calls alone and in any order', async () => {
  const { value } = (await get('/users?$top=30&$select=id')).json
  const requests = value.slice(0, 20).map((user: { id: string }, index: number) => ({
    id: String(index),
    method: 'GET',
    url: index === 3 ? '/users/nobody' : `/users/${user.id}?$select=id`,
  }))
  const answer = await emulator.graph('POST', '/$batch', { requests })
  const { responses } = answer.json
  expect(responses).toHaveLength(20)
  expect(responses.map((one: { id: string }) => one.id)).not.toEqual(
    requests.map((one: { id: string }) => one.id),
  )
  for (const one of responses) {
    if (one.id === '3') expect(one.status).toBe(404)
    else expect(one.body.id).toBe(value[Number(one.id)].id)
  }
  const tooMany = [...requests, { id: '20', method: 'GET', url: '/users' }]
  expect((await emulator.graph('POST', '/$batch', { requests: tooMany })).status).toBe(400)
  const twice = [requests[0], { ...requests[1], id: '0' }]
  expect((await emulator.graph('POST', '/$batch', { requests: twice })).status).toBe(400)
})

test('in a batch, what depends on a failure fails too, and items are throttled alone', async () => {
  const requests = [
    { id: 'a', method: 'GET', url: '/users/nobody' },
    { id: 'b', method: 'GET', url: '/organization', dependsOn: ['a'] },
    { id: 'c', method: 'GET', url: '/organization' },
    {
      id: 'd',
      method: 'PATCH',
      url: '/users/x',
      body: {},
      headers: { 'Content-Type': 'application/json' },
    },
  ]
  await emulator.control('POST', '/faults', {
    name: 'throttle',
    path: '^/v1.0/organization',
    count: 1,
    retryAfter: '7',
  })
  const answer = await emulator.graph('POST', '/$batch', { requests })
  const byId = new Map(answer.json.responses.map((one: { id: string }) => [one.id, one]))
  expect(byId.get('b')).toMatchObject({ status: 424 })
  expect(byId.get('c')).toMatchObject({ status: 429, headers: { 'retry-after': '7' } })
  expect(byId.get('d')).toMatchObject({ status: 404 })
})

test('answers say what they cost and echo who asked', async () => {
  const asked = '11111111-1111-4111-8111-111111111111'
  const answer = await emulator.graph('GET', '/users?$select=id', undefined, {
    'client-request-id': asked,
  })
  expect(answer.headers['client-request-id']).toBe(asked)
  expect(answer.headers['x-ms-resource-unit']).toBe('1')
  expect((await get('/users?$expand=manager')).headers['x-ms-resource-unit']).toBe('3')
  expect(answer.headers['odata-version']).toBe('4.0')
  expect(answer.headers['content-encoding']).toBe('gzip')
  expect((await get('/nothing/here')).json.error.message).toContain("segment 'here'")
  expect((await emulator.graph('DELETE', '/subscribedSkus')).status).toBe(405)
})

test('objects by their ids: those that exist, each with its type', async () => {
  const people = (await get('/users?$top=5&$select=id')).json.value
  const groups = (await get('/groups?$top=2&$select=id')).json.value
  const ids = [...people, ...groups].map((one: { id: string }) => one.id)
  const ask = (body: object) =>
    emulator.graph('POST', '/directoryObjects/getByIds?$select=id', body)
  const all = (await ask({ ids: [...ids, '00000000-0000-4000-8000-000000000000'] })).json.value
  expect(all.map((one: { id: string }) => one.id)).toEqual(ids)
  expect((await ask({ ids, types: ['group'] })).json.value).toHaveLength(2)
  expect((await ask({ ids: Array(1001).fill(ids[0]) })).status).toBe(400)
})

test.each([
  ['/v1.0/users/%E0%A4%A'],
  ['/v1.0/users/..%2f..%2fgroups'],
  ['/v1.0//users/'],
  ['/beta/users'],
])('%s makes no mistake of the emulator', async (path) => {
  const headers = { authorization: `Bearer ${await emulator.token()}` }
  const answer = await emulator.call('GET', path, { headers })
  expect([200, 400, 404]).toContain(answer.status)
  expect(answer.headers['x-emulator-mistake']).toBeUndefined()
})
