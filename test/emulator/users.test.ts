import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Started, start } from './support.ts'

let emulator: Started
beforeAll(async () => {
  emulator = await start()
})
afterAll(() => emulator.close())

test('pages hold every user exactly once, and only what was selected', async () => {
  const ids: string[] = []
  let next: string | undefined = '/users?$select=id,department&$top=50'
  let pages = 0
  while (next !== undefined) {
    const answer = await emulator.graph('GET', next)
    expect(answer.status).toBe(200)
    pages++
    for (const user of answer.json.value) {
      expect(Object.keys(user)).toEqual(['id', 'department'])
      ids.push(user.id)
    }
    next = answer.json['@odata.nextLink']
  }
  expect(pages).toBe(3)
  expect(new Set(ids).size).toBe(120)
})

test('the organization names its verified domains', async () => {
  const answer = await emulator.graph('GET', '/organization')
  expect(answer.json.value[0].id).toBe(emulator.tenant.tenantId)
  expect(answer.json.value[0].verifiedDomains).toHaveLength(3)
})
