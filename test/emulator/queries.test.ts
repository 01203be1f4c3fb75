import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { everyPage, type Started, start } from './support.ts'

interface Person {
  id: string
  displayName: string
  createdDateTime: string
  mail: string | null
  userType: string
}

let emulator: Started
let users: Person[]
beforeAll(async () => {
  emulator = await start({ checkAnswers: true, tenants: [{ users: 150, seed: 14 }] })
  const snapshot = await emulator.control('GET', `/tenants/${emulator.tenant.tenantId}/snapshot`)
  users = snapshot.json.users
})
afterAll(async () => {
  const violations = await emulator.control('GET', '/violations')
  await emulator.close()
  expect(violations.json).toEqual([])
})

const eventual = { consistencylevel: 'eventual' }
const get = (path: string, headers = {}) => emulator.graph('GET', path, undefined, headers)

/** The refusal of a query, which must be one. */
async function refusal(path: string, headers = {}): Promise<{ code: string; message: string }> {
  const answer = await get(path, headers)
  expect(answer.status, answer.text).toBe(400)
  return answer.json.error
}

describe('$orderby', () => {
  test('sorts over all pages, each user once', async () => {
    const { items, pages } = await everyPage(
      emulator,
      '/users?$select=id,displayName&$orderby=displayName desc&$top=40',
    )
    expect(pages).toBe(4)
    const names = users.map((user) => user.displayName.toLowerCase())
    expect(items.map((user) => user.displayName.toLowerCase())).toEqual(names.sort().reverse())
    expect(new Set(items.map((user) => user.id)).size).toBe(users.length)
  })

  test('of dates, and of what a filter finds, needs an advanced query', async () => {
    const byDate = '/users?$top=999&$select=createdDateTime&$orderby=createdDateTime'
    const found = "/users?$filter=userType eq 'Guest'&$orderby=displayName"
    for (const path of [byDate, found]) {
      expect(await refusal(path)).toMatchObject({
        code: 'Request_UnsupportedQuery',
        message: 'Sorting not supported for current query.',
      })
      expect((await get(`${path}&$count=true`, eventual)).status).toBe(200)
    }
    const { value } = (await get(`${byDate}&$count=true`, eventual)).json
    expect(value.map((user: Person) => user.createdDateTime)).toEqual(
      users.map((user) => user.createdDateTime).sort(),
    )
  })

  test.each([
    ['/users?$orderby=department', 'Sorting not supported'],
    ['/users?$orderby=nothing', "property named 'nothing'"],
    ['/groups?$orderby=createdDateTime', 'Sorting not supported'],
  ])('%s is refused', async (path, message) => {
    expect((await refusal(path)).message).toContain(message)
  })

  test('a token for a place that is gone is no longer known', async () => {
    const path = '/users?$select=id&$orderby=displayName&$top=30'
    const first = (await get(path)).json
    await emulator.control('POST', `/tenants/${emulator.tenant.tenantId}/mutate`, {
      action: 'delete-users',
      ids: [first.value[29].id],
    })
    expect((await refusal(first['@odata.nextLink'])).code).toBe('Directory_ExpiredPageToken')
    await emulator.control('POST', `/tenants/${emulator.tenant.tenantId}/mutate`, {
      action: 'restore',
    })
  })
})

describe('$search', () => {
  const find = async (search: string) => {
    const path = `/users?$select=displayName,mail&$top=999&$search=${encodeURIComponent(search)}`
    const answer = await get(path, eventual)
    expect(answer.status, answer.text).toBe(200)
    return answer.json.value
  }

  test('finds words of a name by their beginnings, in any case', async () => {
    const [given = '', family = ''] = users[5]?.displayName.split(' ') ?? []
    const start = family.slice(0, 3)
    const found: Person[] = await find(`"displayName:${start.toUpperCase()}"`)
    const hand = users.filter((user) =>
      user.displayName
        .toLowerCase()
        .split(/[ '-]/)
        .some((word) => word.startsWith(start.toLowerCase())),
    )
    expect(found.map((user) => user.displayName).sort()).toEqual(
      hand.map((user) => user.displayName).sort(),
    )
    const both: Person[] = await find(`"displayName:${start}" AND "displayName:${given}"`)
    expect(both.map((user) => user.displayName)).toContain(users[5]?.displayName)
    expect(both.length).toBeLessThanOrEqual(found.length)
  })

  test('finds mail by its beginning only, and joins with OR', async () => {
    const hand = users.filter((user) => /^[ab]/.test(user.mail ?? ''))
    expect(await find('"mail:a" OR "mail:b"')).toHaveLength(hand.length)
    expect(await find('("mail:a" OR "mail:b") AND "mail:a"')).toHaveLength(
      hand.filter((user) => user.mail?.startsWith('a')).length,
    )
  })

  test.each([
    ['displayName:x', eventual, "character 'd' is not valid at position 0"],
    ['"displayName:x" AND', eventual, 'Syntax error'],
    ['("displayName:x"', eventual, 'Syntax error'],
    ['"accountEnabled:x"', eventual, 'search clause'],
    ['"displayName:x"', {}, "special request header: 'ConsistencyLevel: eventual'"],
  ])('%s is refused', async (search, headers, message) => {
    const path = `/users?$search=${encodeURIComponent(search)}`
    expect((await refusal(path, headers)).message).toContain(message)
  })
})

describe('$count and $expand', () => {
  const guests = () => users.filter((user) => user.userType === 'Guest').length

  test('a bare count takes the header alone, and any filter that an advanced query takes', async () => {
    const path = `/users/$count?$filter=${encodeURIComponent("userType ne 'Member'")}`
    expect((await get(path, eventual)).text).toBe(String(guests()))
    expect((await refusal(path)).message).toBe('$count is not currently supported.')
  })

  test('counts of collections compare with the numbers the service knows', async () => {
    const count = (clause: string) =>
      `/users?$count=true&$top=999&$select=id&$filter=${encodeURIComponent(clause)}`
    const answer = await get(count('assignedLicenses/$count eq 0'), eventual)
    const hand = users.filter((user) => JSON.stringify(user).includes('"assignedLicenses":[]'))
    expect(answer.json['@odata.count']).toBe(hand.length)
    const without = await refusal(count('assignedLicenses/$count eq 0'))
    expect(without.message).toMatch(/^Operator '\$count' is not supported because the required/)
    for (const clause of ['assignedLicenses/$count eq 2', 'businessPhones/$count eq 0']) {
      expect((await refusal(count(clause), eventual)).message).toContain('Unsupported or invalid')
    }
  })

  test('what is expanded ends at twenty, has one level and no advanced query', async () => {
    const { value: groups } = (await get('/groups?$select=id&$expand=members($select=id)')).json
    const sizes = await Promise.all(
      groups.map(async ({ id }: { id: string }) =>
        Number((await get(`/groups/${id}/members/$count`, eventual)).text),
      ),
    )
    const shown = groups.map((group: { members: unknown[] }) => group.members.length)
    expect(shown).toEqual(sizes.map((size) => Math.min(size, 20)))
    expect(Math.max(...sizes)).toBeGreaterThan(20)
    expect((await refusal('/users?$expand=manager($expand=manager)')).message).toContain('level')
    const advanced = await refusal('/users?$expand=manager&$count=true', eventual)
    expect(advanced.message).toContain('not supported with advanced query')
  })
})

test('getByIds answers those that exist, of the types asked for, once each', async () => {
  const { value: groups } = (await get('/groups?$select=id&$top=2')).json
  const known = [users[0]?.id, users[1]?.id, groups[0].id]
  const ids = [...known, users[0]?.id, '11111111-1111-4111-8111-111111111111']
  const ask = (body: object) =>
    emulator.graph('POST', '/directoryObjects/getByIds?$select=id,displayName', body)
  const all = (await ask({ ids })).json.value
  expect(all.map((object: Person) => object.id).sort()).toEqual(known.sort())
  const people = (await ask({ ids, types: ['user'] })).json.value
  expect(people.map((object: Person) => object.id)).not.toContain(groups[0].id)
  expect((await ask({ ids: Array(1001).fill(users[0]?.id) })).status).toBe(400)
})
