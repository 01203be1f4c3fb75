import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { Agent, fetch } from 'undici'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import type { TenantAccess } from '../../src/emulator/options.ts'
import { control } from '../engine/control.ts'
import { systemClock } from '../store/testing.ts'
import { openBrowser, signIn, type TestBrowser } from './browser.ts'
import { startTestPatchbay, type TestPatchbay } from './patchbay.ts'
import { openPeople, type People } from './people.ts'

let patchbay: TestPatchbay
let people: People
let tenantId: number
let microsoft: TenantAccess
let other: TenantAccess
let nodeId: number
let ahead = 0

beforeAll(async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  // listen() on a port gives an object
  const { port } = server.address() as AddressInfo
  server.close()
  patchbay = await startTestPatchbay({
    ...{ role: 'api', port, settings: { publicUrl: `http://127.0.0.1:${port}` } },
    clock: { ...systemClock, now: () => Date.now() + ahead },
  })
  people = await openPeople(patchbay)
  const emulated = control(patchbay.emulator, '')
  const spec = (seed: number) => ({ users: 3, seed, consented: false })
  microsoft = await emulated.ask('POST', 'tenants', spec(71))
  other = await emulated.ask('POST', 'tenants', spec(72))
  await emulated.close()
  const customer = { parentId: 1, kind: 'customer', name: 'Contoso' } as const
  nodeId = (await people.client.node.create({ body: customer })).id
  tenantId = (await attach(nodeId)).id
})
afterAll(async () => {
  await people.close()
  await patchbay.close()
})

function attach(at: number) {
  const { tenantId: id, clientId, clientSecret } = microsoft
  const graph = { cloud: 'emulator', tenantId: id, clientId, clientSecret }
  return people.client.tenant.create({ body: { nodeId: at, name: 'Contoso', graph } })
}

async function invite(client = people.client): Promise<string> {
  return new URL((await client.consent.invite({ params: { tenantId } })).url).pathname
}

/** To Microsoft's page; where that sends the browser back to, once somebody there has said yes. */
async function throughMicrosoft(browser: TestBrowser, path: string): Promise<URL> {
  const begun = await browser.send('GET', path)
  expect(begun.status, begun.text).toBe(303)
  const asked = new URL(begun.headers.get('location') ?? '')
  expect(asked.pathname).toBe(`/${microsoft.tenantId}/v2.0/adminconsent`)
  const dispatcher = new Agent({ connect: { ca: patchbay.emulator.caPem } })
  const answer = await fetch(asked, { dispatcher, redirect: 'manual' })
  await dispatcher.close()
  return new URL(answer.headers.get('location') ?? (await answer.text()))
}

async function comeBack(browser: TestBrowser, to: URL): Promise<string | null> {
  const answer = await browser.send('GET', `${to.pathname}${to.search}`)
  return answer.headers.get('location')
}

async function noted(): Promise<number> {
  const { rows } = await people.owner.query(
    `select from audit where action = 'consent.given' and tenant_id = $1`,
    [tenantId],
  )
  return rows.length
}

/** Why consents that came back did not count, as it is on record. */
async function refusals(): Promise<string[]> {
  const { rows } = await people.owner.query(
    `select detail ->> 'why' as why from audit
      where action = 'consent.refused' and tenant_id = $1 order by id`,
    [tenantId],
  )
  return rows.map(({ why }) => why)
}

const given = '/consent#given'
const notGiven = '/consent#not-given'

it('D10: a consent counts once, in the browser that went to Microsoft', async () => {
  const browser = openBrowser(patchbay.url)
  const link = await invite()
  const back = await throughMicrosoft(browser, link)
  expect(back.searchParams.get('admin_consent')).toBe('True')
  // Of somebody without a link nothing is written, however often they come.
  expect(await comeBack(openBrowser(patchbay.url), back)).toBe(notGiven)
  expect([await noted(), await refusals()]).toEqual([0, []])
  expect(await comeBack(browser, back)).toBe(given)
  expect(await noted()).toBe(1)
  // Neither the answer nor the link is worth anything more.
  expect(await comeBack(browser, back)).toBe(notGiven)
  expect((await browser.send('GET', link)).status).toBe(401)
  expect(await noted()).toBe(1)
})

it('D10: nor does it count for another tenant, with another state, or after a no', async () => {
  const changes: Record<string, string>[] = [
    { tenant: other.tenantId },
    { state: 'x'.repeat(43) },
    { tenant: '' },
  ]
  const before = await noted()
  for (const change of changes) {
    const browser = openBrowser(patchbay.url)
    const back = await throughMicrosoft(browser, await invite())
    for (const [name, value] of Object.entries(change)) back.searchParams.set(name, value)
    expect(await comeBack(browser, back), JSON.stringify(change)).toBe(notGiven)
  }
  const browser = openBrowser(patchbay.url)
  const link = await invite()
  const refused = await throughMicrosoft(browser, link)
  refused.searchParams.delete('admin_consent')
  refused.searchParams.set('error', 'access_denied')
  expect(await comeBack(browser, refused)).toBe(notGiven)
  expect(await noted()).toBe(before)
  const whys = [/another Microsoft tenant/, /not opened in this browser/, /another/, /told no/]
  expect((await refusals()).slice(-4)).toEqual(whys.map((why) => expect.stringMatching(why)))
  // The same person may think again.
  expect(await comeBack(browser, await throughMicrosoft(browser, link))).toBe(given)
})

it('D10: it is that of whoever made the link, while they may still change the tenant', async () => {
  const { id, password } = await people.add('anna', { nodeId })
  const anna = openBrowser(patchbay.url)
  await signIn(anna, 'anna', password)
  const { json } = await anna.send('POST', `/v1/tenants/${tenantId}/consent`)
  const browser = openBrowser(patchbay.url)
  const back = await throughMicrosoft(browser, new URL(json.url).pathname)
  await people.owner.query('update access_profile set permissions = $1 where name = $2', [
    JSON.stringify([{ type: '*', operations: ['Read'] }]),
    `of person ${id}`,
  ])
  const before = await noted()
  expect(await comeBack(browser, back)).toBe(notGiven)
  expect(await noted()).toBe(before)
  expect((await refusals()).at(-1)).toMatch(/permi/i)
})

it('D10: a link ends, and a program that only looks at it uses nothing up', async () => {
  const link = await invite()
  await openBrowser(patchbay.url).send('GET', link)
  const browser = openBrowser(patchbay.url)
  expect(await comeBack(browser, await throughMicrosoft(browser, link))).toBe(given)
  const late = await invite()
  ahead += limits.consentLinkMs + 1
  expect((await browser.send('GET', late)).status).toBe(401)
})

it('D10: a Microsoft tenant that is attached elsewhere is not attached again', async () => {
  const body = { parentId: 1, kind: 'customer', name: 'Fabrikam' } as const
  const elsewhere = await people.client.node.create({ body })
  await expect(attach(elsewhere.id)).rejects.toMatchObject({ code: 'conflict' })
})
