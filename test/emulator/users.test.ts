import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { everyPage, type Started, start } from './support.ts'

let emulator: Started
beforeAll(async () => {
  emulator = await start({ checkAnswers: true })
})
afterAll(async () => {
  const violations = await emulator.control('GET', '/violations')
  await emulator.close()
  expect(violations.json).toEqual([])
})

const get = (path: string, headers = {}) => emulator.graph('GET', path, undefined, headers)
const advanced = { consistencylevel: 'eventual' }

async function truth() {
  const answer = await emulator.control('GET', `/tenants/${emulator.tenant.tenantId}/snapshot`)
  return answer.json
}

describe('lists', () => {
  test('pages hold every user exactly once, and only what was selected', async () => {
    const { pages, items } = await everyPage(emulator, '/users?$select=id,department&$top=50')
    expect(pages).toBe(3)
    for (const user of items) expect(Object.keys(user)).toEqual(['id', 'department'])
    const { users } = await truth()
    const known = users.map((user: Record<string, unknown>) => [user.id, user.department])
    expect(items.map((user) => [user.id, user.department]).sort()).toEqual(known.sort())
  })

  test('a user without $select has the eleven default properties', async () => {
    const answer = await get('/users?$top=1')
    expect(Object.keys(answer.json.value[0])).toHaveLength(11)
    expect(answer.json['@odata.context']).toMatch(/\/v1\.0\/\$metadata#users$/)
  })

  test('page sizes, unknown properties and foreign page tokens are refused in Graph words', async () => {
    const tooLarge = await get('/users?$top=1000')
    expect(tooLarge.status).toBe(400)
    expect(tooLarge.json.error.code).toBe('Request_UnsupportedQuery')
    expect(tooLarge.json.error.message).toContain("'1000'. Must be between 1 and 999 inclusive")
    expect((await get('/users?$select=nothing')).json.error.message).toContain(
      "Could not find a property named 'nothing'",
    )
    const first = await get('/users?$top=5&$select=id')
    const token = new URL(first.json['@odata.nextLink']).searchParams.get('$skiptoken')
    expect((await get(`/users?$top=6&$select=id&$skiptoken=${token}`)).status).toBe(400)
    expect((await get(`/users?$top=5&$select=id&$skiptoken=${token}`)).status).toBe(200)
  })

  test('a page token is forgotten after minutes', async () => {
    const first = await get('/users?$top=5')
    await emulator.control('POST', '/clock', { advanceMs: 16 * 60_000 })
    const answer = await get(first.json['@odata.nextLink'])
    await emulator.control('POST', '/clock', { offsetMs: 0 })
    expect(answer.json.error.code).toBe('Directory_ExpiredPageToken')
  })

  test('counts come to advanced queries only', async () => {
    expect((await get('/users?$count=true')).json['@odata.count']).toBeUndefined()
    expect((await get('/users?$count=true', advanced)).json['@odata.count']).toBe(120)
    expect((await get('/users/$count', advanced)).text).toBe('120')
    expect((await get('/users/$count')).status).toBe(400)
  })
})

describe('filters', () => {
  const ids = async (filter: string, headers = {}) => {
    const counted = headers === advanced ? '&$count=true' : ''
    const path = `/users?$select=id&$top=999&$filter=${encodeURIComponent(filter)}${counted}`
    const answer = await get(path, headers)
    expect(answer.text, filter).not.toContain('"error"')
    return answer.json.value.map((user: { id: string }) => user.id)
  }

  test('each operator finds what a search by hand finds', async () => {
    const { users } = await truth()
    const hand = (test: (user: Record<string, string>) => boolean) =>
      users.filter(test).map((user: { id: string }) => user.id)
    const same = async (
      filter: string,
      test: (user: Record<string, string>) => boolean,
      h = {},
    ) => {
      const expected = hand(test)
      expect((await ids(filter, h)).sort(), filter).toEqual(expected.sort())
      return expected.length
    }
    expect(
      await same("department eq 'SALES'", (user) => user.department === 'Sales'),
    ).toBeGreaterThan(3)
    await same("startswith(userPrincipalName,'a')", (user) =>
      /^a/.test(user.userPrincipalName ?? ''),
    )
    await same(
      "country in ('Germany','France') and accountEnabled eq true",
      (user) => /Germany|France/.test(user.country ?? '') && Boolean(user.accountEnabled),
    )
    await same("userType eq 'Guest'", (user) => user.userType === 'Guest')
    await same("userType ne 'Guest'", (user) => user.userType !== 'Guest', advanced)
    await same(
      'createdDateTime ge 2022-01-01T00:00:00Z',
      (user) => String(user.createdDateTime) >= '2022',
    )
    const e3 = '05e9a617-0261-4cee-bb44-138d3ef5d965'
    const licensed = await same(`assignedLicenses/any(a:a/skuId eq ${e3})`, (user) =>
      JSON.stringify(user.assignedLicenses).includes(e3),
    )
    expect(licensed).toBeGreaterThan(20)
    await same(
      "not (department eq 'Sales' or city eq 'Berlin')",
      (user) => !(user.department === 'Sales' || user.city === 'Berlin'),
      advanced,
    )
    await same("endsWith(mail,'.example')", (user) => /\.example$/.test(user.mail ?? ''), advanced)
  })

  test.each([
    ["userType ne 'Guest'", 'ConsistencyLevel:eventual'],
    ["companyName eq 'x'", 'ConsistencyLevel:eventual'],
    ["aboutMe eq 'x'", 'Unsupported or invalid query filter'],
    ["startswith(id,'a')", "'id' property can only"],
    ["contains(displayName,'x')", 'Unsupported'],
    ["displayName eq 'x", 'Syntax error'],
    ["nothing eq 'x'", 'Unsupported or invalid'],
    [`id in (${Array(16).fill("'x'").join(',')})`, 'Max allowed: 15'],
  ])('%s is refused', async (filter, message) => {
    const answer = await get(`/users?$filter=${encodeURIComponent(filter)}`)
    expect(answer.status).toBe(400)
    expect(answer.json.error.message).toContain(message)
  })
})

describe('one user', () => {
  test('by id, by sign-in name in any case, and not at all', async () => {
    const { users } = await truth()
    const [user] = users
    const byId = await get(`/users/${user.id}?$select=id,userPrincipalName`)
    expect(byId.json.userPrincipalName).toBe(user.userPrincipalName)
    const name = encodeURIComponent(String(user.userPrincipalName).toUpperCase())
    expect((await get(`/users/${name}?$select=id`)).json.id).toBe(user.id)
    expect((await get(`/users('${user.id}')?$select=id`)).json.id).toBe(user.id)
    const missing = await get('/users/00000000-0000-4000-8000-000000000000')
    expect(missing.status).toBe(404)
    expect(missing.json.error.code).toBe('Request_ResourceNotFound')
    expect(missing.json.error.innerError['request-id']).toBe(missing.headers['request-id'])
  })

  test('every property can be selected', async () => {
    const { users } = await truth()
    const all =
      'assignedPlans,provisionedPlans,licenseAssignmentStates,proxyAddresses,identities,imAddresses,securityIdentifier,onPremisesExtensionAttributes,passwordProfile,signInActivity,employeeOrgData'
    for (const user of users.slice(0, 20)) {
      expect((await get(`/users/${user.id}?$select=${all}`)).status).toBe(200)
    }
  })

  test('the manager comes alone and expanded, with its type', async () => {
    const { links } = await truth()
    const managers = links.filter((link: string) => link.startsWith('manager '))
    const { items } = await everyPage(
      emulator,
      '/users?$select=id&$expand=manager($select=id)&$top=50',
    )
    const expanded = items.flatMap((user) =>
      user.manager ? [`manager ${user.id} ${user.manager.id}`] : [],
    )
    expect(expanded.sort()).toEqual(managers)
    const [, user, manager] = managers[0].split(' ')
    const alone = await get(`/users/${user}/manager?$select=id`)
    expect(alone.json).toMatchObject({ '@odata.type': '#microsoft.graph.user', id: manager })
    const without = items.find((one) => one.manager === undefined)
    expect((await get(`/users/${without?.id}/manager`)).status).toBe(404)
  })
})

test('the organization names its verified domains', async () => {
  const answer = await get('/organization')
  expect(answer.json.value[0].id).toBe(emulator.tenant.tenantId)
  expect(answer.json.value[0].verifiedDomains).toHaveLength(3)
})

test('what is bought and used fits what people have', async () => {
  const { users } = await truth()
  const skus = (await get('/subscribedSkus')).json.value
  for (const sku of skus) {
    const having = users.filter((user: object) => JSON.stringify(user).includes(sku.skuId)).length
    expect(sku.consumedUnits, sku.skuPartNumber).toBe(having)
    expect(sku.prepaidUnits.enabled).toBeGreaterThanOrEqual(having)
  }
  const licensed = users.find(
    (user: { assignedLicenses: unknown[] }) => user.assignedLicenses.length > 1,
  )
  const details = (await get(`/users/${licensed.id}/licenseDetails`)).json.value
  expect(details.map((one: { skuId: string }) => one.skuId)).toEqual(
    licensed.assignedLicenses.map((one: { skuId: string }) => one.skuId),
  )
})
