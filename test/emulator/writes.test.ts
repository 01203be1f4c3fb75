import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Started, start } from './support.ts'

const f3 = '66b55226-6b4f-492c-910c-a3b7a3c9d993'
const unknownId = '11111111-1111-4111-8111-111111111111'

let emulator: Started
let userId: string
beforeAll(async () => {
  emulator = await start({
    checkAnswers: true,
    tenants: [{ users: 60, seed: 8, directoryRoles: ['User Administrator'] }],
  })
  const members = "/users?$filter=userType eq 'Member'&$select=id,assignedLicenses"
  const { value } = (await emulator.graph('GET', members)).json
  // Not one of the first, who hold roles; without F3, of which none is left.
  const plain = value.slice(10).find((user: object) => !JSON.stringify(user).includes(f3))
  userId = plain.id
})
afterAll(async () => {
  const violations = await emulator.control('GET', '/violations')
  await emulator.close()
  expect(violations.json).toEqual([])
})

const read = async (select: string) =>
  (await emulator.graph('GET', `/users/${userId}?$select=${select}`)).json
const patch = (body: object) => emulator.graph('PATCH', `/users/${userId}`, body)
const snapshot = async () =>
  (await emulator.control('GET', `/tenants/${emulator.tenant.tenantId}/snapshot`)).text
const domain = () => emulator.tenant.domain

describe('people', () => {
  test('a change is there afterwards, and null clears', async () => {
    expect((await patch({ department: 'Night Watch', jobTitle: 'Ranger' })).status).toBe(204)
    expect(await read('department,jobTitle')).toMatchObject({
      department: 'Night Watch',
      jobTitle: 'Ranger',
    })
    expect((await patch({ department: null })).status).toBe(204)
    expect((await read('department')).department).toBeNull()
  })

  test('a new password leaves no trace', async () => {
    const password = 'Hodor-2026-hodor'
    expect((await patch({ passwordProfile: { password } })).status).toBe(204)
    expect((await read('passwordProfile')).passwordProfile).toBeNull()
    expect(await snapshot()).not.toContain(password)
  })

  test.each([
    ['an unknown property', { colour: 'red' }, "Invalid property 'colour'"],
    ['a wrong type', { department: 7 }, 'Invalid value specified for property'],
    ['a boolean as text', { accountEnabled: 'true' }, 'Invalid value'],
    ['too long a text', { department: 'x'.repeat(65) }, 'Invalid value'],
    ['an empty text', { department: '' }, 'Invalid value'],
    ['a read-only property', { createdDateTime: '2026-01-01T00:00:00Z' }, 'read-only'],
    ['licences by PATCH', { assignedLicenses: [] }, 'read-only'],
    ['no name', { displayName: null }, 'Invalid value'],
    ['two phone numbers', { businessPhones: ['1', '2'] }, 'Invalid value'],
    ['a country in words', { usageLocation: 'Germany' }, 'Invalid value'],
    ['a wrong member', { passwordProfile: { colour: 1 } }, 'Invalid value'],
    ['a weak password', { passwordProfile: { password: 'password' } }, 'password complexity'],
    ['an unverified domain', { userPrincipalName: 'a@elsewhere.example' }, 'verified domain names'],
    ['nothing', {}, 'at least one property'],
  ])('%s is refused and changes nothing', async (_, body, message) => {
    const before = await snapshot()
    const answer = await patch(body)
    expect(answer.status).toBe(400)
    expect(answer.json.error.message).toContain(message)
    expect(await snapshot()).toBe(before)
  })

  test('a sign-in name belongs to one person', async () => {
    const { value } = (await emulator.graph('GET', '/users?$top=5&$select=userPrincipalName')).json
    const answer = await patch({ userPrincipalName: value[4].userPrincipalName.toUpperCase() })
    expect(answer.json.error.message).toContain('property userPrincipalName already exists')
    expect(answer.json.error.details[0].target).toBe('userPrincipalName')
  })

  test('create, delete, restore, delete for good', async () => {
    const before = await snapshot()
    const body = {
      accountEnabled: true,
      displayName: 'Samwell Tarly',
      mailNickname: 'samwell',
      userPrincipalName: `samwell@${domain()}`,
      passwordProfile: { password: 'Maester-2026!' },
    }
    expect(
      (await emulator.graph('POST', '/users', { ...body, mailNickname: undefined })).status,
    ).toBe(400)
    const created = await emulator.graph('POST', '/users', body)
    expect(created.status).toBe(201)
    expect(created.text).not.toContain('Maester')
    expect(await snapshot()).not.toContain('Maester')
    expect((await emulator.graph('POST', '/users', body)).json.error.message).toContain(
      'already exists',
    )
    const { id } = created.json
    expect((await emulator.graph('DELETE', `/users/${id}`)).status).toBe(204)
    expect((await emulator.graph('GET', `/users/${id}`)).status).toBe(404)
    const listed = await emulator.graph('GET', '/directory/deletedItems/microsoft.graph.user')
    expect(listed.json.value[0].userPrincipalName).toBe(
      `${id.replaceAll('-', '')}samwell@${domain()}`,
    )
    expect((await emulator.graph('POST', `/directory/deletedItems/${id}/restore`)).status).toBe(200)
    expect((await emulator.graph('GET', `/users/samwell@${domain()}`)).json.id).toBe(id)
    await emulator.graph('DELETE', `/users/${id}`)
    expect((await emulator.graph('DELETE', `/directory/deletedItems/${id}`)).status).toBe(204)
    expect(await snapshot()).toBe(before)
  })

  test('deleting and restoring brings memberships, manager and reports back', async () => {
    const { links } = JSON.parse(await snapshot())
    const busy = links.find((link: string) => link.startsWith('member '))?.split(' ')[2]
    const before = await snapshot()
    await emulator.control('POST', `/tenants/${domain()}/mutate`, {
      action: 'delete-users',
      ids: [busy],
    })
    expect(await snapshot()).not.toBe(before)
    expect((await emulator.graph('POST', `/directory/deletedItems/${busy}/restore`)).status).toBe(
      200,
    )
    expect(await snapshot()).toBe(before)
  })

  test('people who hold a privileged role need an application that holds a higher one', async () => {
    const { users } = JSON.parse(await snapshot())
    await emulator.control('POST', `/tenants/${domain()}/mutate`, {
      action: 'grant-role',
      id: userId,
      role: 'Global Administrator',
    })
    expect(users.length).toBeGreaterThan(1)
    expect((await patch({ mobilePhone: '+1 555' })).status).toBe(403)
    expect((await patch({ department: 'Sales' })).status).toBe(204)
    expect((await emulator.graph('DELETE', `/users/${userId}`)).status).toBe(403)
    const roles = { directoryRoles: ['Privileged Authentication Administrator'] }
    await emulator.control('PATCH', `/tenants/${domain()}`, roles)
    expect((await patch({ mobilePhone: '+1 555' })).status).toBe(204)
  })

  test('manager: set, replaced, removed', async () => {
    const { value } = (await emulator.graph('GET', '/users?$top=3&$select=id')).json
    const reference = { '@odata.id': `https://graph.microsoft.com/v1.0/users/${value[1].id}` }
    expect((await emulator.graph('PUT', `/users/${userId}/manager/$ref`, reference)).status).toBe(
      204,
    )
    expect((await emulator.graph('GET', `/users/${userId}/manager?$select=id`)).json.id).toBe(
      value[1].id,
    )
    expect((await emulator.graph('DELETE', `/users/${userId}/manager/$ref`)).status).toBe(204)
    expect((await emulator.graph('GET', `/users/${userId}/manager`)).status).toBe(404)
    const nobody = {
      '@odata.id': 'https://graph.microsoft.com/v1.0/users/00000000-0000-4000-8000-000000000000',
    }
    expect((await emulator.graph('PUT', `/users/${userId}/manager/$ref`, nobody)).status).toBe(404)
  })
})

describe('licences', () => {
  const e3 = '05e9a617-0261-4cee-bb44-138d3ef5d965'
  const phone = 'e43b5b99-8dfb-405f-9987-dc307f34bcbd'
  const exchange = '4b9405b0-7788-4568-add1-99614e613b69'
  const assign = (add: object[], remove: string[] = []) =>
    emulator.graph('POST', `/users/${userId}/assignLicense`, {
      addLicenses: add,
      removeLicenses: remove,
    })
  const clear = async () => {
    const { assignedLicenses } = await read('assignedLicenses')
    await assign(
      [],
      assignedLicenses.map((one: { skuId: string }) => one.skuId),
    )
  }

  test('assigned, counted, swapped in one step', async () => {
    await clear()
    await patch({ usageLocation: 'DE' })
    const units = async (skuId: string) =>
      (await emulator.graph('GET', '/subscribedSkus')).json.value.find(
        (sku: { skuId: string }) => sku.skuId === skuId,
      ).consumedUnits
    const before = await units(e3)
    expect((await assign([{ skuId: e3, disabledPlans: [] }])).status).toBe(200)
    expect(await units(e3)).toBe(before + 1)
    expect((await assign([{ skuId: exchange, disabledPlans: [] }], [e3])).status).toBe(200)
    expect(await units(e3)).toBe(before)
    expect((await read('assignedLicenses')).assignedLicenses).toEqual([
      { disabledPlans: [], skuId: exchange },
    ])
  })

  test.each([
    ['nothing left', [{ skuId: f3, disabledPlans: [] }], 'does not have any available licenses'],
    [
      'plans that need others',
      [{ skuId: phone, disabledPlans: [] }],
      'depends on the service plan(s)',
    ],
    ['an unknown product', [{ skuId: unknownId, disabledPlans: [] }], 'valid company License'],
    ['an unknown plan', [{ skuId: e3, disabledPlans: [unknownId] }], 'disabled plans'],
  ])('%s is refused', async (_, add, message) => {
    await clear()
    const answer = await assign(add)
    expect(answer.status).toBe(400)
    expect(answer.json.error.message).toContain(message)
  })

  test('plans that exclude each other, and a person without a place of use', async () => {
    await clear()
    await assign([{ skuId: exchange, disabledPlans: [] }])
    expect((await assign([{ skuId: e3, disabledPlans: [] }])).json.error.message).toContain(
      'mutually exclusive',
    )
    await clear()
    await patch({ usageLocation: null })
    expect((await assign([{ skuId: e3, disabledPlans: [] }])).json.error.message).toContain(
      'invalid usage location',
    )
  })
})

describe('groups', () => {
  const create = (more = {}) =>
    emulator.graph('POST', '/groups', {
      displayName: 'Wall',
      mailEnabled: false,
      mailNickname: `wall${Math.floor(performance.now() * 1000)}`,
      securityEnabled: true,
      ...more,
    })
  const reference = (id: string) => ({
    '@odata.id': `https://graph.microsoft.com/v1.0/directoryObjects/${id}`,
  })
  const members = async (id: string) =>
    (await emulator.graph('GET', `/groups/${id}/members?$select=id`)).json.value.map(
      (member: { id: string }) => member.id,
    )

  test('members join and leave once each', async () => {
    const { id } = (await create()).json
    const path = `/groups/${id}/members`
    expect((await emulator.graph('POST', `${path}/$ref`, reference(userId))).status).toBe(204)
    const twice = await emulator.graph('POST', `${path}/$ref`, reference(userId))
    expect(twice.json.error.message).toContain('already exist')
    expect(await members(id)).toEqual([userId])
    const memberOf = await emulator.graph('GET', `/users/${userId}/memberOf?$select=id`)
    expect(memberOf.json.value.map((group: { id: string }) => group.id)).toContain(id)
    expect((await emulator.graph('DELETE', `${path}/${userId}/$ref`)).status).toBe(204)
    expect((await emulator.graph('DELETE', `${path}/${userId}/$ref`)).status).toBe(404)
  })

  test('without $ref it is the member that is deleted', async () => {
    const people = (await emulator.graph('GET', '/users?$select=id&$top=60')).json.value
    const last = people.at(-1).id
    const { id } = (await create({ 'members@odata.bind': [reference(last)['@odata.id']] })).json
    const path = `/groups/${id}/members`
    expect((await emulator.graph('DELETE', `${path}/${userId}`)).status).toBe(404)
    expect((await emulator.graph('DELETE', `${path}/${last}`)).status).toBe(204)
    expect((await emulator.graph('GET', `/users/${last}`)).status).toBe(404)
    expect((await emulator.graph('GET', `/directory/deletedItems/${last}`)).status).toBe(200)
  })

  test('many at once: all or none, twenty at most', async () => {
    const { value } = (await emulator.graph('GET', '/users?$top=21&$select=id')).json
    const urls = value.map((user: { id: string }) => reference(user.id)['@odata.id'])
    const { id } = (await create({ 'owners@odata.bind': urls.slice(0, 1) })).json
    expect(
      (await emulator.graph('PATCH', `/groups/${id}`, { 'members@odata.bind': urls })).status,
    ).toBe(400)
    const three = { 'members@odata.bind': urls.slice(0, 3) }
    expect((await emulator.graph('PATCH', `/groups/${id}`, three)).status).toBe(204)
    const overlapping = { 'members@odata.bind': urls.slice(2, 6) }
    expect((await emulator.graph('PATCH', `/groups/${id}`, overlapping)).status).toBe(400)
    expect(await members(id)).toHaveLength(3)
    const owners = await emulator.graph('GET', `/groups/${id}/owners?$select=id`)
    expect(owners.json.value).toHaveLength(1)
  })

  test('lists mastered elsewhere and by rules are not written', async () => {
    const { groups } = JSON.parse(await snapshot())
    const list = groups.find(
      (group: Record<string, unknown>) =>
        group.mailEnabled && !JSON.stringify(group.groupTypes).includes('Unified'),
    )
    const answer = await emulator.graph(
      'POST',
      `/groups/${list.id}/members/$ref`,
      reference(userId),
    )
    expect(answer.json.error.message).toContain('Cannot Update a mail-enabled security groups')
    expect((await create({ mailEnabled: true })).status).toBe(400)
  })

  test('a Microsoft 365 group gets its address, is changed, deleted and can come back', async () => {
    const { id, mail } = (await create({ mailEnabled: true, groupTypes: ['Unified'] })).json
    expect(mail).toMatch(/^wall\d+@/)
    expect((await emulator.graph('PATCH', `/groups/${id}`, { description: 'North' })).status).toBe(
      204,
    )
    await emulator.graph('DELETE', `/groups/${id}`)
    expect((await emulator.graph('GET', `/groups/${id}`)).status).toBe(404)
    expect((await emulator.graph('POST', `/directory/deletedItems/${id}/restore`)).status).toBe(200)
    const security = (await create()).json.id
    await emulator.graph('DELETE', `/groups/${security}`)
    expect((await emulator.graph('GET', `/directory/deletedItems/${security}`)).status).toBe(404)
  })
})

test('writes without JSON are refused', async () => {
  const authorization = `Bearer ${await emulator.token()}`
  const send = (body: string, type: string) =>
    emulator.call('PATCH', `/v1.0/users/${userId}`, {
      body,
      headers: { authorization, 'content-type': type },
    })
  expect((await send('{"department":"x"}', 'text/plain')).status).toBe(400)
  expect((await send('{"department":', 'application/json')).status).toBe(400)
  expect((await send('[]', 'application/json')).status).toBe(400)
})
