import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '../store/testing.ts'
import { openBrowser, signIn } from './browser.ts'
import { startTestPatchbay, type TestPatchbay } from './patchbay.ts'
import { openPeople, type People } from './people.ts'

let patchbay: TestPatchbay
let people: People
let browser: ReturnType<typeof openBrowser>
let ahead = 0

beforeAll(async () => {
  const clock = { ...systemClock, now: () => Date.now() + ahead }
  patchbay = await startTestPatchbay({ role: 'api', clock })
  people = await openPeople(patchbay)
  const permissions = [{ type: 'device/*', operations: ['Read' as const] }]
  const { password } = await people.add('anna', { permissions })
  browser = openBrowser(patchbay.url)
  await signIn(browser, 'anna', password)
})
afterAll(async () => {
  await people.close()
  await patchbay.close()
})

async function refusals(): Promise<string[]> {
  const { rows } = await people.owner.query<{ subject: string }>(
    `select subject from audit where action = 'access.refused' order by id`,
  )
  return rows.map(({ subject }) => subject)
}

const users = '/v1/tenants/1/exports/device/msgraph/MSOLUser'
const watched = ['/v1/audit', '/v1/audit/export', '/metrics', `${users}/csv`, `${users}/json`]
const names = ['audit.list', 'audit.export', 'metrics.show', 'export.csv', 'export.json']

async function askAll(times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    for (const path of watched) {
      const { status, text } = await browser.send('GET', path)
      expect([path, status], text).toEqual([path, 403])
    }
  }
}

it('I3: exports, the audit and the figures that are refused are on record, other readings are not', async () => {
  expect((await browser.send('GET', '/v1/schedules')).status).toBe(403)
  await askAll(1)
  expect(await refusals()).toEqual(names)
})

it('I3: once in a minute each, and every write', async () => {
  ahead += 61_000
  const before = (await refusals()).length
  await askAll(5)
  for (let time = 0; time < 3; time++) await browser.send('DELETE', '/v1/nodes/1')
  expect((await refusals()).slice(before)).toEqual([...names, ...Array(3).fill('node.delete')])
  ahead += 61_000
  await askAll(1)
  expect((await refusals()).slice(before + names.length + 3)).toEqual(names)
})
