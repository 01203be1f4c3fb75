import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Started, start } from './support.ts'

let emulator: Started
beforeAll(async () => {
  emulator = await start({ checkAnswers: true, tenants: [{ users: 450, seed: 3 }] })
})
afterAll(async () => {
  const violations = await emulator.control('GET', '/violations')
  await emulator.close()
  expect(violations.json).toEqual([])
})

type Item = Record<string, ReturnType<typeof JSON.parse>>

const control = (body: object) =>
  emulator.control('POST', `/tenants/${emulator.tenant.tenantId}/mutate`, body)

/** All pages of a round, and where the next one begins. */
async function round(path: string, headers = {}) {
  const items: Item[] = []
  for (let next = path, pages = 1; ; pages++) {
    const answer = await emulator.graph('GET', next, undefined, headers)
    if (answer.status !== 200) throw new Error(answer.text)
    items.push(...answer.json.value)
    const link = answer.json['@odata.deltaLink']
    if (link !== undefined) return { items, link: String(link), pages, answer }
    next = answer.json['@odata.nextLink']
  }
}

test('a first round tells everyone, the next only what changed since', async () => {
  const first = await round('/users/delta?$select=id,department,manager')
  expect(first.pages).toBeGreaterThan(1)
  expect(new Set(first.items.map((item) => item.id)).size).toBe(450)
  expect(first.answer.headers['x-ms-resource-unit']).toBeUndefined()

  expect((await round(first.link)).items).toEqual([])
  const { ids } = (await control({ action: 'departments', users: 7, seed: 5 })).json
  const second = await round(first.link)
  expect(second.items.map((item) => item.id).sort()).toEqual([...ids].sort())
  const again = await round(first.link)
  expect(again.items).toEqual(second.items)
  expect((await round(second.link)).items).toEqual([])
})

test('from now on: no data, then what came after', async () => {
  const { items, link } = await round('/users/delta?$select=displayName&$deltatoken=latest')
  expect(items).toEqual([])
  await control({ action: 'departments', users: 3, seed: 6 })
  expect((await round(link)).items).toEqual([])
  const { ids } = (await control({ action: 'create-users', users: 2 })).json
  const told = (await round(link)).items
  expect(told.map((item) => item.id)).toEqual(ids)
  expect(Object.keys(told[0] ?? {})).toEqual(['id', 'displayName'])
})

test('deleted, restored and ended people', async () => {
  const { link } = await round('/users/delta?$select=id&$deltatoken=latest')
  const { ids } = (await control({ action: 'delete-users', users: 3, seed: 9 })).json
  const deleted = await round(link)
  expect(deleted.items.filter((item) => '@removed' in item)).toHaveLength(3)
  expect(deleted.items[0]?.['@removed']).toEqual({ reason: 'changed' })
  await control({ action: 'restore', ids: [ids[0]] })
  await emulator.graph('DELETE', `/directory/deletedItems/${ids[1]}`)
  const later = await round(deleted.link)
  expect(later.items.find((item) => item.id === ids[0])?.['@removed']).toBeUndefined()
  expect(later.items.find((item) => item.id === ids[1])?.['@removed']).toEqual({
    reason: 'deleted',
  })
  const fresh = await round('/users/delta?$select=id')
  expect(fresh.items.find((item) => item.id === ids[2])?.['@removed']).toEqual({
    reason: 'changed',
  })
})

test('members come in pieces first, and as joining and leaving later', async () => {
  const snapshot = await emulator.control('GET', `/tenants/${emulator.tenant.tenantId}/snapshot`)
  const members = (items: Item[]) =>
    items.flatMap((item) =>
      (item['members@delta'] ?? []).map((member: Item) => `member ${item.id} ${member.id}`),
    )
  const first = await round('/groups/delta?$select=displayName,members')
  const known = snapshot.json.links.filter((link: string) => link.startsWith('member '))
  expect(members(first.items).sort()).toEqual(known)
  const pieces = first.items.length - new Set(first.items.map((item) => item.id)).size
  expect(pieces).toBeGreaterThanOrEqual(0)

  const { ids } = (
    await control({ action: 'group-members', groups: 2, add: 2, remove: 1, seed: 4 })
  ).json
  const second = await round(first.link)
  expect(second.items.map((item) => item.id).sort()).toEqual([...ids].sort())
  const changes = second.items.flatMap((item) => item['members@delta'])
  expect(changes.filter((change: Item) => change['@removed']?.reason === 'deleted')).toHaveLength(2)
  expect(changes).toHaveLength(6)
  expect(changes[0]['@odata.type']).toBe('#microsoft.graph.user')

  const withoutMembers = await round('/groups/delta?$select=displayName')
  expect(members(withoutMembers.items)).toEqual([])
})

test('managers are told when they are asked for', async () => {
  const { link } = await round('/users/delta?$select=id,manager&$deltatoken=latest')
  const { value } = (await emulator.graph('GET', '/users?$top=3&$select=id')).json
  await control({ action: 'manager', id: value[2].id, managerId: value[1].id })
  const told = (await round(link)).items[0]
  expect(told?.id).toBe(value[2].id)
  expect(told?.['manager@delta'].at(-1)).toEqual({
    '@odata.type': '#microsoft.graph.user',
    id: value[1].id,
  })
})

describe('limits', () => {
  test('a token ends after seven days: begin again where the header says', async () => {
    const { link } = await round('/users/delta?$select=id&$deltatoken=latest')
    await emulator.control('POST', '/clock', { advanceMs: 7 * 86_400_000 + 1 })
    const answer = await emulator.graph('GET', link)
    await emulator.control('POST', '/clock', { offsetMs: 0 })
    expect(answer.status).toBe(410)
    const restarted = await round(String(answer.headers.location))
    expect(restarted.items.length).toBeGreaterThanOrEqual(450)
    expect(Object.keys(restarted.items[0] ?? {})).toEqual(['id'])
  })

  test('only changed properties when minimal is preferred, only some objects when filtered', async () => {
    const { value } = (await emulator.graph('GET', '/users?$top=2&$select=id')).json
    const only = encodeURIComponent(`id eq '${value[0].id}' or id eq '${value[1].id}'`)
    const first = await round(`/users/delta?$select=department,displayName&$filter=${only}`, {
      prefer: 'return=minimal',
    })
    expect(first.items).toHaveLength(2)
    await control({ action: 'departments', users: 450, seed: 1 })
    const told = (await round(first.link)).items
    expect(told).toHaveLength(2)
    expect(Object.keys(told[0] ?? {}).sort()).toEqual(['department', 'id'])
  })

  test('what was told before may be told again, and twice on one page', async () => {
    const { link } = await round('/users/delta?$select=id,department&$deltatoken=latest')
    const { ids } = (await control({ action: 'departments', users: 4, seed: 11 })).json
    const { link: next } = await round(link)
    expect((await round(next)).items).toEqual([])
    await emulator.control('POST', '/faults', { name: 'delta-replay', count: 1, value: 4 })
    const replayed = await round(next)
    expect(replayed.items.map((item) => item.id).sort()).toEqual([...ids].sort())
    await emulator.control('POST', '/faults', { name: 'duplicate-items', path: 'delta', count: 1 })
    const doubled = await round(link)
    expect(doubled.items.length).toBeGreaterThan(4)
    expect(new Set(doubled.items.map((item) => item.id)).size).toBe(4)
    await emulator.control('DELETE', '/faults')
  })

  test('made-up tokens and unsupported options are refused', async () => {
    expect((await emulator.graph('GET', '/users/delta?$deltatoken=abc')).status).toBe(400)
    expect((await emulator.graph('GET', '/users/delta?$expand=manager')).status).toBe(400)
  })
})
