import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Clock } from '../../src/core/clock.ts'
import { type Answer, type Started, start } from './support.ts'

/** Stands still, so that nothing flows into a bucket unless the test says so. */
const begun = Date.now()
const clock: Clock = {
  now: () => begun,
  sleep: async (ms) => {
    await setTimeout(ms)
  },
}

let emulator: Started
let users: string[]
beforeAll(async () => {
  emulator = await start({ clock, checkAnswers: true, tenants: [{ users: 120, seed: 21 }] })
  const { value } = (await emulator.graph('GET', '/users?$select=id&$top=50')).json
  users = value.map((user: { id: string }) => user.id)
})
afterAll(async () => {
  const violations = await emulator.control('GET', '/violations')
  await emulator.close()
  expect(violations.json).toEqual([])
})

/** A hundredth of the budgets of a middle tenant: 50 units in 10 s and 30 writes in 150 s, full. */
async function fresh(budgetShare: number | null = 0.01): Promise<void> {
  await emulator.control('POST', '/clock', { advanceMs: 300_000 })
  await emulator.control('PATCH', `/tenants/${emulator.tenant.tenantId}`, { budgetShare })
}

/** How many calls are answered before the first that is throttled, and that one. */
async function untilThrottled(call: () => Promise<Answer>): Promise<[number, Answer]> {
  for (let passed = 0; passed < 200; passed++) {
    const answer = await call()
    if (answer.status === 429) return [passed, answer]
  }
  throw new Error('Two hundred calls were answered.')
}

const list = (query = '') => emulator.graph('GET', `/users?${query}`)
const change = () => emulator.graph('PATCH', `/users/${users[20]}`, { city: 'Ghent' })

describe('resource units', () => {
  test('what a call costs is what a budget gives away', async () => {
    await fresh()
    expect((await untilThrottled(() => list()))[0]).toBe(25)
    await fresh()
    expect((await untilThrottled(() => list('$select=id')))[0]).toBe(50)
    await fresh()
    const ids = { ids: users.slice(0, 3) }
    const path = '/directoryObjects/getByIds'
    expect((await untilThrottled(() => emulator.graph('POST', path, ids)))[0]).toBe(10)
    await fresh()
    const selected = `${path}?$select=id`
    expect((await untilThrottled(() => emulator.graph('POST', selected, ids)))[0]).toBe(25)
  })

  test('the refusal says how long to wait and why, and waiting so long helps', async () => {
    await fresh()
    const [, refused] = await untilThrottled(() => list())
    const { tenantId, clientId } = emulator.tenant
    expect(refused.json.error.code).toBe('TooManyRequests')
    expect(refused.headers).toMatchObject({
      'retry-after': '1',
      'x-ms-throttle-scope': `Tenant_Application/ReadWrite/${clientId}/${tenantId}`,
      'x-ms-throttle-information': 'ResourceUnitLimitExceeded',
    })
    await emulator.control('POST', '/clock', { advanceMs: 1000 })
    // Five units a second have flowed in.
    expect((await untilThrottled(() => list()))[0]).toBe(2)
  })

  test('what is wrong or forbidden is free, what is missing is not', async () => {
    await fresh()
    for (let call = 0; call < 60; call++) expect((await list('$top=0')).status).toBe(400)
    expect((await untilThrottled(() => list()))[0]).toBe(25)
    await fresh()
    const missing = () => emulator.graph('GET', '/users/11111111-1111-4111-8111-111111111111')
    expect((await untilThrottled(missing))[0]).toBe(50)
  })

  test('the items of a batch are throttled one by one', async () => {
    await fresh()
    await untilThrottled(() => list('$select=id'))
    await emulator.control('POST', '/clock', { advanceMs: 1000 })
    const requests = users
      .slice(0, 12)
      .map((id, index) => ({ id: String(index), method: 'GET', url: `/users/${id}?$select=id` }))
    const batch = await emulator.graph('POST', '/$batch', { requests })
    expect(batch.status).toBe(200)
    const refused = batch.json.responses.filter((one: Answer) => one.status === 429)
    expect(refused).toHaveLength(7)
    expect(Number(refused[0].headers['retry-after'])).toBeGreaterThanOrEqual(1)
  })

  test('without budgets nothing is refused', async () => {
    await fresh(null)
    for (let call = 0; call < 60; call++) expect((await list()).status).toBe(200)
  })
})

describe('writes', () => {
  test('have a budget of their own', async () => {
    await fresh()
    const [passed, refused] = await untilThrottled(change)
    expect(passed).toBe(30)
    expect(refused.headers).toMatchObject({
      'retry-after': '5',
      'x-ms-throttle-information': 'WriteLimitExceeded',
    })
    expect(refused.headers['x-ms-throttle-scope']).toMatch(/^Tenant_Application\/Write\//)
    expect((await list()).status).toBe(200)
  })

  test('each member of a new group counts, too', async () => {
    await fresh()
    const group = {
      displayName: 'Counted',
      mailEnabled: false,
      mailNickname: 'counted',
      securityEnabled: true,
      'members@odata.bind': users
        .slice(0, 20)
        .map((id) => `https://graph.microsoft.com/v1.0/directoryObjects/${id}`),
    }
    expect((await emulator.graph('POST', '/groups', group)).status).toBe(201)
    expect((await untilThrottled(change))[0]).toBe(9)
  })

  test('of one application are counted over all its tenants', async () => {
    const { clientId } = emulator.tenant
    const statuses = []
    let last: Answer | undefined
    for (let seed = 100; seed < 112; seed++) {
      const spec = { users: 20, seed, clientId, budgetShare: 0.001 }
      const tenant = (await emulator.control('POST', '/tenants', spec)).json
      const authorization = `Bearer ${await emulator.token(tenant)}`
      const headers = { authorization, 'content-type': 'application/json' }
      for (let call = 0; call < 3; call++) {
        const body = JSON.stringify({ city: 'Ghent' })
        // A stranger's name: found missing, which is no refusal that is free.
        last = await emulator.call('PATCH', `/v1.0/users/nobody${call}`, { headers, body })
        statuses.push(last.status)
      }
    }
    expect(statuses.filter((status) => status === 404)).toHaveLength(35)
    expect(last?.headers['x-ms-throttle-scope']).toMatch(/^Application\/Write\//)
  })
})
