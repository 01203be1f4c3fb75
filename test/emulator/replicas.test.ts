import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Clock } from '../../src/core/clock.ts'
import { type Answer, type Started, start } from './support.ts'

/** Stands still: what has not arrived yet arrives when the test moves the clock. */
const begun = Date.now()
const clock: Clock = {
  now: () => begun,
  sleep: async (ms) => {
    await setTimeout(ms)
  },
}
const lag = { readMs: 10_000, eventualMs: 60_000 }
const eventual = { consistencylevel: 'eventual' }

let emulator: Started
let userId: string
beforeAll(async () => {
  emulator = await start({ clock, checkAnswers: true, tenants: [{ users: 60, seed: 23, lag }] })
  const { value } = (await emulator.graph('GET', "/users?$filter=userType eq 'Member'")).json
  userId = value[20].id
})
afterAll(async () => {
  const violations = await emulator.control('GET', '/violations')
  await emulator.close()
  expect(violations.json).toEqual([])
})
beforeEach(() => advance(60_000))

const advance = (advanceMs: number) => emulator.control('POST', '/clock', { advanceMs })
const get = (path: string, headers = {}) => emulator.graph('GET', path, undefined, headers)

/** What twenty reads in a row say, each from some replica, without repetitions. */
async function readings(read: () => Promise<unknown>): Promise<unknown[]> {
  const seen = new Set<unknown>()
  for (let read20 = 0; read20 < 20; read20++) seen.add(await read())
  return [...seen].sort()
}

async function createUser(name: string): Promise<string> {
  const user = {
    accountEnabled: true,
    displayName: name,
    mailNickname: name,
    userPrincipalName: `${name}@${emulator.tenant.domain}`,
    passwordProfile: { password: 'Correct-horse-7' },
    usageLocation: 'BE',
  }
  const answer = await emulator.graph('POST', '/users', user)
  expect(answer.status).toBe(201)
  return answer.json.id
}

test('a change reaches the replicas one by one, and all of them in the end', async () => {
  const city = async () => (await get(`/users/${userId}?$select=city`)).json.city
  const before = await city()
  expect((await emulator.graph('PATCH', `/users/${userId}`, { city: 'Aalst' })).status).toBe(204)
  expect(await readings(city)).toEqual([before])
  await advance(5000)
  expect(await readings(city)).toEqual(['Aalst', before].sort())
  await advance(5000)
  expect(await readings(city)).toEqual(['Aalst'])
})

test('the index behind advanced queries is later still', async () => {
  const found = async () => {
    const path = "/users?$count=true&$select=id&$filter=companyName eq 'Nowhere Ltd'"
    return (await get(path, eventual)).json['@odata.count']
  }
  await emulator.graph('PATCH', `/users/${userId}`, { companyName: 'Nowhere Ltd' })
  await advance(lag.readMs)
  expect((await get(`/users/${userId}?$select=companyName`)).json.companyName).toBe('Nowhere Ltd')
  expect(await found()).toBe(0)
  await advance(lag.eventualMs)
  expect(await found()).toBe(1)
})

test('who was just created is missing to reads, changes, groups and lists', async () => {
  const group = (
    await emulator.graph('POST', '/groups', {
      displayName: 'Welcome',
      mailEnabled: false,
      mailNickname: 'welcome',
      securityEnabled: true,
    })
  ).json
  await advance(lag.eventualMs)
  const id = await createUser('newcomer')
  const reference = { '@odata.id': `https://graph.microsoft.com/v1.0/directoryObjects/${id}` }
  const join = () => emulator.graph('POST', `/groups/${group.id}/members/$ref`, reference)
  const attempts: (() => Promise<Answer>)[] = [
    () => get(`/users/${id}`),
    () => get(`/users/newcomer@${emulator.tenant.domain}`),
    () => emulator.graph('PATCH', `/users/${id}`, { city: 'Aalst' }),
    join,
  ]
  for (const attempt of attempts) expect((await attempt()).status).toBe(404)
  const listed = async () => (await get('/users?$select=id&$top=999')).text.includes(id)
  expect(await listed()).toBe(false)
  await advance(lag.readMs)
  expect(await listed()).toBe(true)
  expect((await join()).status).toBe(204)
})

test('a licence right after the country fails, as it does', async () => {
  const id = await createUser('licensed')
  await advance(lag.eventualMs)
  await emulator.graph('PATCH', `/users/${id}`, { usageLocation: null })
  await advance(lag.eventualMs)
  await emulator.graph('PATCH', `/users/${id}`, { usageLocation: 'BE' })
  const flow = { addLicenses: [{ skuId: 'f30db892-07e9-47e9-837c-80727f46fd3d' }] }
  const assign = () =>
    emulator.graph('POST', `/users/${id}/assignLicense`, { ...flow, removeLicenses: [] })
  expect((await assign()).json.error.message).toContain('invalid usage location')
  await advance(lag.readMs)
  expect((await assign()).status).toBe(200)
})

test('who was just deleted is still there for a while', async () => {
  const id = await createUser('leaver')
  await advance(lag.eventualMs)
  expect((await emulator.graph('DELETE', `/users/${id}`)).status).toBe(204)
  expect((await get(`/users/leaver@${emulator.tenant.domain}?$select=id`)).json.id).toBe(id)
  await advance(lag.readMs)
  expect((await get(`/users/${id}`)).status).toBe(404)
})

test('delta tells each change once it has arrived, and loses none', async () => {
  const { value } = (await get('/users?$select=id&$top=30')).json
  const ids: string[] = value.slice(10).map((user: { id: string }) => user.id)
  let link = (await get('/users/delta?$select=city&$deltatoken=latest')).json['@odata.deltaLink']
  const told = new Map<string, string>()
  let early = 0
  for (const [index, id] of ids.entries()) {
    await emulator.graph('PATCH', `/users/${id}`, { city: `City ${index}` })
    await advance(2000)
    const round = (await get(link)).json
    for (const item of round.value) told.set(item.id, item.city)
    early += round.value.length
    link = round['@odata.deltaLink']
  }
  expect(early).toBeLessThan(ids.length)
  await advance(lag.eventualMs)
  for (const item of (await get(link)).json.value) told.set(item.id, item.city)
  expect(told).toEqual(new Map(ids.map((id, index) => [id, `City ${index}`])))
})

test('without lag every read sees every write', async () => {
  const path = `/tenants/${emulator.tenant.tenantId}`
  expect((await emulator.control('PATCH', path, { lag: null })).status).toBe(200)
  await emulator.graph('PATCH', `/users/${userId}`, { city: 'Zele' })
  expect((await get(`/users/${userId}?$select=city`)).json.city).toBe('Zele')
  await emulator.control('PATCH', path, { lag })
})
