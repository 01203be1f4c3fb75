import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answer, type Started, secretForm, start } from './support.ts'

const back = 'https://patchbay.example/consent?keep=me'

let emulator: Started
beforeAll(async () => {
  emulator = await start({
    checkAnswers: true,
    tenants: [
      { users: 3, seed: 61, consented: false, redirectUris: [back] },
      { users: 3, seed: 62 },
    ],
  })
})
afterAll(async () => {
  await emulator.close()
})

const consent = (
  query: Record<string, string>,
  path = `/${emulator.tenant.tenantId}/adminconsent`,
) => {
  const all = { client_id: emulator.tenant.clientId, redirect_uri: back, state: 's t&1', ...query }
  return emulator.call('GET', `${path}?${new URLSearchParams(all)}`)
}
const token = () =>
  emulator.call('POST', `/${emulator.tenant.tenantId}/oauth2/v2.0/token`, {
    body: secretForm(emulator.tenant),
  })
const answerOf = ({ headers }: Answer) =>
  Object.fromEntries(new URL(String(headers.location)).searchParams)

test('an application is unknown until an administrator let it in', async () => {
  expect((await token()).json.error_codes).toEqual([700016])
  const answer = await consent({})
  expect(answer.status).toBe(302)
  expect(String(answer.headers.location)).toMatch(/^https:\/\/patchbay\.example\/consent\?keep=me&/)
  expect(answerOf(answer)).toEqual({
    keep: 'me',
    admin_consent: 'True',
    tenant: emulator.tenant.tenantId,
    state: 's t&1',
  })
  expect((await token()).status).toBe(200)
})

test('what was granted is there to be read', async () => {
  const [, own] = (await emulator.graph('GET', '/servicePrincipals?$select=id,appId')).json.value
  expect(own).toBeDefined()
  const { clientId } = emulator.tenant
  const principal = (await emulator.graph('GET', `/servicePrincipals(appId='${clientId}')`)).json
  const path = `/servicePrincipals/${principal.id}/appRoleAssignments`
  const granted = (await emulator.graph('GET', path)).json.value
  const registered = (await emulator.graph('GET', `/applications(appId='${clientId}')`)).json
  const asked = registered.requiredResourceAccess.flatMap(
    ({ resourceAccess }: { resourceAccess: { id: string }[] }) => resourceAccess,
  )
  expect(granted.map((one: { appRoleId: string }) => one.appRoleId).sort()).toEqual(
    asked.map(({ id }: { id: string }) => id).sort(),
  )
  const age = Date.now() - Date.parse(granted[0].createdDateTime)
  expect(age).toBeLessThan(60_000)
})

test('withdrawn, it is unknown again', async () => {
  const path = `/tenants/${emulator.tenant.tenantId}`
  await emulator.control('PATCH', path, { consented: false })
  expect((await token()).json.error_codes).toEqual([700016])
  await emulator.control('PATCH', path, { consented: true })
  expect((await token()).status).toBe(200)
})

test('the second version wants a scope and gives it back', async () => {
  const path = `/${emulator.tenant.tenantId}/v2.0/adminconsent`
  const without = await consent({}, path)
  expect(without.status).toBe(400)
  expect(without.text).toContain('AADSTS900144')
  const scope = 'https://graph.microsoft.com/.default'
  expect(answerOf(await consent({ scope }, path))).toMatchObject({ scope, admin_consent: 'True' })
})

test('an administrator who declines sends back an error, and nothing was granted', async () => {
  await emulator.control('PATCH', `/tenants/${emulator.tenant.tenantId}`, { consented: false })
  await emulator.control('POST', '/faults', { name: 'consent-declined', count: 2 })
  expect(answerOf(await consent({}))).toMatchObject({ error: 'permission_denied', state: 's t&1' })
  const path = `/${emulator.tenant.tenantId}/v2.0/adminconsent`
  const second = answerOf(await consent({ scope: 'https://graph.microsoft.com/.default' }, path))
  expect(second).toMatchObject({ error: 'consent_required', admin_consent: 'True' })
  expect(second.error_description).toMatch(/^AADSTS65004/)
  expect((await token()).json.error_codes).toEqual([700016])
})

test('nobody is sent to an address that is not registered', async () => {
  const strange = await consent({ redirect_uri: 'https://evil.example/"><script>' })
  expect(strange.status).toBe(400)
  expect(strange.headers.location).toBeUndefined()
  expect(strange.text).toContain('AADSTS50011')
  expect(strange.text).not.toContain('<script>')
  const foreign = await consent({ client_id: '11111111-2222-4333-8444-555555555555' })
  expect(foreign.text).toContain('AADSTS700016')
  expect((await consent({ client_id: '' })).text).toContain('AADSTS900144')
})

test('without a tenant named, the one that has the application, or a choice', async () => {
  expect(answerOf(await consent({}, '/organizations/adminconsent')).tenant).toBe(
    emulator.tenant.tenantId,
  )
  const { clientId } = emulator.tenant
  const made = await emulator.control('POST', '/tenants', { users: 1, seed: 63, clientId })
  const choice = await consent({}, '/common/adminconsent')
  expect(choice.status).toBe(200)
  const links = [...choice.text.matchAll(/href="([^"]+)"/g)].map(([, link = '']) =>
    link.replaceAll('&#38;', '&'),
  )
  expect(links).toHaveLength(2)
  const [, second = ''] = links
  expect(answerOf(await emulator.call('GET', second)).tenant).toBe(made.json.tenantId)
})
