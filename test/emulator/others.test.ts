import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { everyPage, type Started, start } from './support.ts'

let emulator: Started
beforeAll(async () => {
  emulator = await start({ checkAnswers: true, tenants: [{ users: 900, seed: 4 }] })
})
afterAll(async () => {
  const violations = await emulator.control('GET', '/violations')
  await emulator.close()
  expect(violations.json).toEqual([])
})

const get = (path: string) => emulator.graph('GET', path)
const patch = (path: string, values: object) => emulator.graph('PATCH', path, values)

describe('teams', () => {
  test('are the groups that say so, in a list with four properties of each', async () => {
    const filter = encodeURIComponent("resourceProvisioningOptions/Any(x:x eq 'Team')")
    const groups = await everyPage(emulator, `/groups?$filter=${filter}&$select=id`)
    const { items } = await everyPage(emulator, '/teams?$top=3')
    expect(items.map(({ id }) => id)).toEqual(groups.items.map(({ id }) => id))
    expect(items.length).toBeGreaterThan(3)
    for (const team of items) {
      expect(team).toMatchObject({ memberSettings: null, isArchived: null, webUrl: null })
      expect(team.visibility).toMatch(/^(private|public)$/)
    }
    const whole = await get(`/teams/${items[0]?.id}`)
    expect(whole.json).toMatchObject({ isArchived: false, memberSettings: {} })
  })

  test('have members with an id of the membership, owners among them, and a channel', async () => {
    const at = `/tenants/${emulator.tenant.tenantId}`
    const { roles } = (await emulator.control('PATCH', at, {})).json
    await emulator.control('PATCH', at, { roles: [...roles, 'TeamMember.Read.All'] })
    const [team] = (await everyPage(emulator, '/teams')).items
    const { items } = await everyPage(emulator, `/teams/${team?.id}/members`)
    const all = await everyPage(emulator, `/groups/${team?.id}/members?$select=id`)
    const people = all.items.filter((one) => one['@odata.type'] === '#microsoft.graph.user')
    expect(items.map(({ userId }) => userId)).toEqual(people.map(({ id }) => id))
    expect(items[0]?.id).not.toBe(items[0]?.userId)
    const channels = await everyPage(emulator, `/teams/${team?.id}/channels`)
    expect(channels.items).toMatchObject([{ displayName: 'General', membershipType: 'standard' }])
  })

  test('are changed with their group, in the words of each', async () => {
    const [team] = (await everyPage(emulator, '/teams')).items
    const visibility = team?.visibility === 'private' ? 'public' : 'private'
    const values = { displayName: 'Renamed', visibility, isArchived: true }
    expect((await patch(`/teams/${team?.id}`, values)).status).toBe(204)
    expect((await get(`/teams/${team?.id}`)).json).toMatchObject(values)
    const group = await get(`/groups/${team?.id}?$select=displayName,visibility`)
    expect(group.json).toMatchObject({ displayName: 'Renamed' })
    expect(group.json.visibility).toMatch(/^P/)
    const tooLong = await patch(`/teams/${team?.id}`, { displayName: 'x'.repeat(257) })
    expect(tooLong.status).toBe(400)
  })

  test('are not groups without one', async () => {
    const teams = new Set((await everyPage(emulator, '/teams')).items.map(({ id }) => id))
    const { items } = await everyPage(emulator, '/groups?$select=id')
    const plain = items.find(({ id }) => !teams.has(id))
    expect((await get(`/teams/${plain?.id}`)).status).toBe(404)
  })
})

describe('places', () => {
  test('come in pages of a hundred without a link; $skip asks for the next', async () => {
    const first = (await get('/places/microsoft.graph.room')).json
    expect(first.value).toHaveLength(100)
    expect(first['@odata.nextLink']).toBeUndefined()
    const rest = (await get('/places/microsoft.graph.room?$top=100&$skip=100&$count=true')).json
    expect(rest['@odata.count']).toBe(100 + rest.value.length)
    expect(rest.value[0].id).not.toBe(first.value[0].id)
    expect((await get('/places/microsoft.graph.room?$skip=-1')).status).toBe(400)
  })

  test('of a list are asked for by the address of the list alone', async () => {
    const [list] = (await get('/places/microsoft.graph.roomlist')).json.value
    const rooms = await get(`/places/${list.emailAddress}/microsoft.graph.roomlist/rooms`)
    expect(rooms.json.value.length).toBeGreaterThan(0)
    expect((await get(`/places/${list.id}/microsoft.graph.roomlist/rooms`)).status).toBe(404)
  })

  test('are read by id or address, as a place: what only rooms have cannot be selected', async () => {
    const [room] = (await get('/places/microsoft.graph.room?$top=1')).json.value
    for (const name of [room.id, room.emailAddress]) {
      const found = (await get(`/places/${name}`)).json
      expect(found).toMatchObject({ '@odata.type': '#microsoft.graph.room', id: room.id })
    }
    expect((await get(`/places/${room.id}?$select=phone`)).status).toBe(200)
    expect((await get(`/places/${room.id}?$select=capacity`)).status).toBe(400)
  })

  test.each([
    ['without its type', { capacity: 3 }],
    ['of another type', { '@odata.type': 'microsoft.graph.roomList', phone: '1' }],
    ['in its name', { '@odata.type': 'microsoft.graph.room', displayName: 'Other' }],
    ['with a wrong value', { '@odata.type': 'microsoft.graph.room', capacity: 'many' }],
  ])('are not changed %s', async (_what, values) => {
    const [room] = (await get('/places/microsoft.graph.room?$top=1')).json.value
    expect((await patch(`/places/${room.id}`, values)).status).toBe(400)
    expect((await get(`/places/${room.id}`)).json).toMatchObject(room)
  })
})

describe('directory roles', () => {
  test('take no options, come whole, and name people and applications', async () => {
    for (const option of ['$select=id', '$top=5', "$filter=displayName eq 'x'"]) {
      expect((await get(`/directoryRoles?${encodeURI(option)}`)).status).toBe(400)
    }
    const roles = (await get('/directoryRoles')).json.value
    const held = new Set<string>()
    for (const role of roles) {
      expect((await get(`/directoryRoles/${role.id}/members?$top=5`)).status).toBe(400)
      const members = (await get(`/directoryRoles/${role.id}/members?$select=id`)).json.value
      expect(members.length).toBeGreaterThan(0)
      for (const member of members) held.add(member['@odata.type'])
      const byTemplate = await get(`/directoryRoles/${role.roleTemplateId}`)
      expect(byTemplate.json.id).toBe(role.id)
    }
    expect([...held].sort()).toEqual(['#microsoft.graph.servicePrincipal', '#microsoft.graph.user'])
  })
})

describe('the organisation and its domains', () => {
  test('are changed in what the pages name, and in nothing else', async () => {
    const [organization] = (await get('/organization')).json.value
    const at = `/organization/${organization.id}`
    const mails = { technicalNotificationMails: ['noc@example.com'] }
    expect((await patch(at, mails)).status).toBe(204)
    expect((await get(at)).json).toMatchObject(mails)
    expect((await patch(at, { displayName: 'Other' })).status).toBe(400)
    const [domain] = (await get('/domains')).json.value
    const days = { passwordValidityPeriodInDays: 90 }
    expect((await patch(`/domains/${domain.id}`, days)).status).toBe(204)
    expect((await get(`/domains/${domain.id}`)).json).toMatchObject(days)
    const none = { passwordValidityPeriodInDays: 0 }
    expect((await patch(`/domains/${domain.id}`, none)).status).toBe(400)
    expect((await patch(`/domains/${domain.id}`, { isInitial: true })).status).toBe(400)
    expect((await patch('/domains/elsewhere.example', days)).status).toBe(404)
  })
})

test('each asks for its permission', async () => {
  const { tenantId } = emulator.tenant
  await emulator.control('PATCH', `/tenants/${tenantId}`, { roles: ['User.Read.All'] })
  const lists = ['/teams', '/places/microsoft.graph.room', '/domains', '/directoryRoles']
  const statuses = await Promise.all(lists.map(async (path) => (await get(path)).status))
  expect(statuses).toEqual([403, 403, 403, 403])
})
