import { expect, test } from 'vitest'
import type { Clock } from '../../src/core/clock.ts'
import { makeTenant } from '../../src/emulator/data/tenant.ts'
import type { Tenant } from '../../src/emulator/directory/types.ts'
import type { TenantSpec } from '../../src/emulator/options.ts'
import { type Started, start } from './support.ts'

const clock: Clock = { now: () => Date.UTC(2026, 10, 1), sleep: async () => undefined }
const users = 4000
const make = (spec: Partial<TenantSpec> = {}) =>
  makeTenant({ users, seed: 31, groups: 0, ...spec }, clock)

/** How many sign-in names begin with each letter, the most frequent first. */
function initials(tenant: Tenant): [string, number][] {
  const names = tenant.users.map((user) => String(user.data.userPrincipalName))
  const found = Map.groupBy(names, (name) => name.charAt(0))
  return [...found]
    .map(([letter, all]): [string, number] => [letter, all.length])
    .sort((a, b) => b[1] - a[1])
}

test('names of one seed are uneven in their own way, and the same each time', () => {
  const own = initials(make({ names: { seed: 1 } }))
  expect(initials(make({ names: { seed: 1 } }))).toEqual(own)
  const orders = [1, 2, 3, 4].map((seed) =>
    initials(make({ names: { seed } }))
      .slice(0, 3)
      .join(),
  )
  expect(new Set(orders).size).toBe(4)
  const [, usual = 0] = initials(make())[0] ?? []
  const heads = [1, 2, 3, 4].map((seed) => initials(make({ names: { seed } }))[0]?.[1] ?? 0)
  expect(Math.max(...heads)).toBeGreaterThan(usual * 1.5)
  const tails = own.at(-1)?.[1] ?? 0
  expect(own[0]?.[1]).toBeGreaterThan(20 * tails)
})

test('people came in a few large imports and one by one between them', () => {
  const tenant = make()
  const members = tenant.users.filter((user) => user.data.userType === 'Member')
  const hours = Map.groupBy(members, (user) => String(user.data.createdDateTime).slice(0, 13))
  const sizes = [...hours.values()].map((all) => all.length).sort((a, b) => b - a)
  expect(sizes[0]).toBeGreaterThan(0.1 * users)
  expect(sizes.filter((size) => size <= 3).length).toBeGreaterThan(500)
  // No faster than the service lets anybody create them.
  const seconds = Map.groupBy(members, (user) => String(user.data.createdDateTime))
  expect(Math.max(...[...seconds.values()].map((all) => all.length))).toBeLessThanOrEqual(21)
  for (const { data } of members) {
    expect(String(data.createdDateTime) >= String(data.employeeHireDate)).toBe(true)
  }
})

test('a call takes longer the more others of its tenant are in flight', async () => {
  const waits: { ms: number; end: () => void }[] = []
  const held: Clock = {
    now: () => Date.now(),
    sleep: (ms) => new Promise((resolve) => waits.push({ ms, end: () => resolve() })),
  }
  const tenants = [
    { users: 20, seed: 1 },
    { users: 20, seed: 2 },
  ]
  const emulator: Started = await start({ clock: held, tenants })
  const [first = emulator.tenant, second = emulator.tenant] = emulator.tenants
  const tokens = [await emulator.token(first), await emulator.token(second)]
  await emulator.control('PUT', '/latency', { fixedMs: 100, perRowMs: 2, inFlightDivisor: 10 })
  const calls = []
  for (const token of [tokens[0], tokens[0], tokens[0], tokens[1]]) {
    const before = waits.length
    const headers = { authorization: `Bearer ${token}` }
    calls.push(emulator.call('GET', '/v1.0/users?$top=10', { headers }))
    await expect.poll(() => waits.length).toBe(before + 1)
  }
  // 100 ms and ten rows of 2 ms, a tenth more for each call of the same tenant in flight.
  expect(waits.map((wait) => Math.round(wait.ms))).toEqual([132, 144, 156, 132])
  for (const wait of waits) wait.end()
  await Promise.all(calls)
  await emulator.close()
})
