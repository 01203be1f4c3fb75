import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startEmulatorProcess, stopProcess } from '../../src/main/children.ts'
import { emulator } from '../../src/main/emulator.ts'
import { start } from './support.ts'

test('one process holds as many tenants as it is told to, and says how to reach each', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'patchbay-emulator-'))
  const args = ['--tenants', '3', '--users', '9', '--seed', '5', '--names', '2']
  const started = await startEmulatorProcess(dataDir, [...args, '--latency', '1,0.5,16'])
  await stopProcess(started.child)
  await rm(dataDir, { recursive: true })
  const { tenants } = started
  expect(tenants).toHaveLength(3)
  expect(tenants[0]).toEqual(started.tenant)
  for (const key of ['tenantId', 'domain', 'clientId', 'clientSecret'] as const) {
    expect(new Set(tenants.map((tenant) => tenant[key])).size, key).toBe(3)
  }
  expect(tenants.map(({ users }) => users)).toEqual([9, 9, 9])
})

test.each([
  ['--latency', 'soon'],
  ['--latency', '1,2,3,4'],
  ['--budgets', '0'],
  ['--tenants', 'many'],
])('%s %s is refused by name', async (option, value) => {
  await expect(emulator([option, value])).rejects.toThrow(option)
})

test('groups of one size', async () => {
  const running = await start({ tenants: [{ users: 60, seed: 1, groups: 12, groupMembers: 20 }] })
  const { value } = (await running.graph('GET', '/groups?$select=id&$expand=members')).json
  await running.close()
  expect(value.map((group: { members: object[] }) => group.members.length)).toEqual(
    Array.from({ length: 12 }, () => 20),
  )
})
