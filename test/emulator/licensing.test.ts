import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { products } from '../../src/emulator/directory/skus.ts'
import { type Started, start } from './support.ts'

const { E3, E5, F3, phone } = products
const tenMinutes = 600_000

let emulator: Started
let people: string[]
beforeAll(async () => {
  emulator = await start({
    checkAnswers: true,
    tenants: [{ users: 80, seed: 18, licenceDelayMs: tenMinutes }],
  })
  const path = "/users?$select=id,assignedLicenses&$top=80&$filter=userType eq 'Member'"
  const { value } = (await emulator.graph('GET', path)).json
  // Without F3, of which none is left and none is to be given back.
  people = value.flatMap((user: { id: string }) =>
    JSON.stringify(user).includes(F3.skuId) ? [] : [user.id],
  )
})
afterAll(async () => {
  const violations = await emulator.control('GET', '/violations')
  await emulator.close()
  expect(violations.json).toEqual([])
})

type Licence = { skuId: string; disabledPlans: string[] }
type State = Licence & { assignedByGroup: string | null; state: string; error: string }

const of = (product: { skuId: string }) => ({ skuId: product.skuId, disabledPlans: [] })
const assign = (path: string, add: Licence[], remove: string[] = []) =>
  emulator.graph('POST', `${path}/assignLicense`, { addLicenses: add, removeLicenses: remove })
const pass = () => emulator.control('POST', '/clock', { advanceMs: tenMinutes })

async function read(userId: string): Promise<{ assigned: string[]; states: State[] }> {
  const path = `/users/${userId}?$select=assignedLicenses,licenseAssignmentStates`
  const { assignedLicenses, licenseAssignmentStates } = (await emulator.graph('GET', path)).json
  const assigned = assignedLicenses.map((one: Licence) => one.skuId)
  return { assigned, states: licenseAssignmentStates }
}

async function clear(userId: string): Promise<void> {
  await assign(`/users/${userId}`, [], (await read(userId)).assigned)
}

async function makeGroup(members: readonly string[]): Promise<string> {
  const made = await emulator.graph('POST', '/groups', {
    displayName: 'Licensed',
    mailEnabled: false,
    mailNickname: `licensed${Math.floor(performance.now() * 1000)}`,
    securityEnabled: true,
    'members@odata.bind': members.map(
      (id) => `https://graph.microsoft.com/v1.0/directoryObjects/${id}`,
    ),
  })
  return made.json.id
}

const membersOf = (group: string) => `/groups/${group}/members`
const reference = (id: string) => ({
  '@odata.id': `https://graph.microsoft.com/v1.0/directoryObjects/${id}`,
})

let one: string
let two: string
beforeEach(async () => {
  const [first = '', second = ''] = people.splice(0, 2)
  one = first
  two = second
  await clear(one)
  await clear(two)
})

describe('licences of a group', () => {
  test('reach its members a while later, and leave with the membership', async () => {
    const group = await makeGroup([one])
    const state = async () =>
      (await emulator.graph('GET', `/groups/${group}?$select=licenseProcessingState`)).json
        .licenseProcessingState
    expect(await state()).toBeNull()
    expect((await assign(`/groups/${group}`, [of(E3)])).status).toBe(202)
    expect(await state()).toEqual({ state: 'QueuedForProcessing' })
    expect((await read(one)).assigned).toEqual([])
    await pass()
    expect(await state()).toEqual({ state: 'ProcessingComplete' })
    const { assigned, states } = await read(one)
    expect(assigned).toEqual([E3.skuId])
    expect(states).toMatchObject([{ assignedByGroup: group, state: 'Active', error: 'None' }])

    await emulator.graph('POST', `${membersOf(group)}/$ref`, reference(two))
    expect((await read(two)).assigned).toEqual([])
    await pass()
    expect((await read(two)).assigned).toEqual([E3.skuId])
    await emulator.graph('DELETE', `${membersOf(group)}/${two}/$ref`)
    await pass()
    expect(await read(two)).toEqual({ assigned: [], states: [] })
  })

  test('are no one person’s to take, and go together with a direct one', async () => {
    const group = await makeGroup([one])
    await assign(`/groups/${group}`, [of(E3)])
    await pass()
    const refused = await assign(`/users/${one}`, [], [E3.skuId])
    expect(refused.json.error.message).toContain('inherited from a group membership')
    expect((await assign(`/users/${one}`, [of(E3)])).status).toBe(200)
    const { assigned, states } = await read(one)
    expect(assigned).toEqual([E3.skuId])
    expect(states.map((state) => state.assignedByGroup)).toEqual([null, group])
    expect((await assign(`/users/${one}`, [], [E3.skuId])).status).toBe(200)
    expect((await read(one)).assigned).toEqual([E3.skuId])
  })

  test.each([
    ['there is none left', [of(F3)], 'CountViolation'],
    ['it does not go with what is there', [of(E5)], 'MutuallyExclusiveViolation'],
    ['it needs what is not there', [of(phone)], 'DependencyViolation'],
  ])('fail for a member when %s', async (_, add, error) => {
    if (error === 'MutuallyExclusiveViolation') {
      await assign(`/users/${one}`, [of(products.exchange)])
    }
    const group = await makeGroup([one])
    await assign(`/groups/${group}`, add)
    await pass()
    const { states } = await read(one)
    expect(states.find((state) => state.assignedByGroup === group)).toMatchObject({
      state: 'Error',
      error,
    })
    const failed = await emulator.graph('GET', `/groups/${group}/membersWithLicenseErrors`)
    expect(failed.json.value.map((user: { id: string }) => user.id)).toEqual([one])
    const filter = '/groups?$filter=hasMembersWithLicenseErrors eq true&$select=id'
    const groups = (await emulator.graph('GET', filter)).json.value
    expect(groups.map((found: { id: string }) => found.id)).toContain(group)
  })

  test('come when what stood in the way is gone and the person is looked at again', async () => {
    await assign(`/users/${one}`, [of(products.exchange)])
    const group = await makeGroup([one])
    await assign(`/groups/${group}`, [of(E3), of(phone)])
    await pass()
    expect((await read(one)).assigned).toEqual([products.exchange.skuId])
    await assign(`/users/${one}`, [], [products.exchange.skuId])
    await emulator.graph('POST', `/users/${one}/reprocessLicenseAssignment`)
    await pass()
    expect((await read(one)).assigned).toEqual([E3.skuId, phone.skuId])
  })

  test('need no place of use, count as units, and keep the group from being deleted', async () => {
    await emulator.graph('PATCH', `/users/${one}`, { usageLocation: null })
    const units = async () =>
      (await emulator.graph('GET', '/subscribedSkus')).json.value.find(
        (sku: { skuId: string }) => sku.skuId === E3.skuId,
      ).consumedUnits
    const before = await units()
    const group = await makeGroup([one])
    await assign(`/groups/${group}`, [of(E3)])
    await pass()
    expect(await units()).toBe(before + 1)
    expect((await emulator.graph('DELETE', `/groups/${group}`)).status).toBe(400)
    await assign(`/groups/${group}`, [], [E3.skuId])
    await pass()
    expect(await units()).toBe(before)
    expect((await read(one)).assigned).toEqual([])
    expect((await emulator.graph('DELETE', `/groups/${group}`)).status).toBe(204)
  })

  test('go with a deleted person and come back with a restored one', async () => {
    const group = await makeGroup([one])
    await assign(`/groups/${group}`, [of(E3)])
    await pass()
    await emulator.graph('DELETE', `/users/${one}`)
    await emulator.graph('POST', `/directory/deletedItems/${one}/restore`)
    expect((await read(one)).assigned).toEqual([])
    await pass()
    expect((await read(one)).states).toMatchObject([{ assignedByGroup: group, state: 'Active' }])
  })

  test('are told by delta, also where they only failed', async () => {
    const select = 'id,licenseAssignmentStates'
    const now = await emulator.graph('GET', `/users/delta?$select=${select}&$deltatoken=latest`)
    const group = await makeGroup([one])
    await assign(`/groups/${group}`, [of(F3)])
    await pass()
    const { value } = (await emulator.graph('GET', now.json['@odata.deltaLink'])).json
    expect(value.map((user: { id: string }) => user.id)).toEqual([one])
    expect(value[0].licenseAssignmentStates[0].error).toBe('CountViolation')
  })
})
