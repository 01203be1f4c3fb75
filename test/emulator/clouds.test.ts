import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TenantAccess } from '../../src/emulator/options.ts'
import { type Started, secretForm, start } from './support.ts'

let emulator: Started
beforeAll(async () => {
  emulator = await start({
    tenants: [
      { users: 2, seed: 71 },
      { users: 2, seed: 72, cloud: 'usGov' },
      { users: 2, seed: 73, cloud: 'usGovDoD' },
      { users: 2, seed: 74, cloud: 'china' },
    ],
  })
})
afterAll(async () => {
  await emulator.close()
})

/** Sign-in, Graph and issuer of tokens, by cloud. */
const clouds = [
  ['global', 'login.microsoftonline.com', 'graph.microsoft.com', 'sts.windows.net'],
  ['usGov', 'login.microsoftonline.us', 'graph.microsoft.us', 'sts.windows.net'],
  ['usGovDoD', 'login.microsoftonline.us', 'dod-graph.microsoft.us', 'sts.windows.net'],
  [
    'china',
    'login.partner.microsoftonline.cn',
    'microsoftgraph.chinacloudapi.cn',
    'sts.chinacloudapi.cn',
  ],
] as const

const tenantIn = (cloud: string): TenantAccess =>
  emulator.tenants.find((tenant) => tenant.cloud === cloud) ?? emulator.tenant
const signIn = (tenant: TenantAccess, host: string, graph: string) =>
  emulator.call('POST', `/${tenant.tenantId}/oauth2/v2.0/token`, {
    headers: { host },
    body: secretForm(tenant, { scope: `https://${graph}/.default` }),
  })
const organization = (token: string, host: string) =>
  emulator.call('GET', '/v1.0/organization', {
    headers: { host, authorization: `Bearer ${token}` },
  })

describe.each(clouds)('%s', (cloud, login, graph, issuer) => {
  test('signs in at its own host, for its own Graph', async () => {
    const tenant = tenantIn(cloud)
    const { json } = await signIn(tenant, login, graph)
    const claims = JSON.parse(
      Buffer.from(json.access_token.split('.')[1], 'base64url').toString('utf8'),
    )
    expect(claims.iss).toBe(`https://${issuer}/${tenant.tenantId}/`)
    expect(claims.aud).toBe(`https://${graph}`)
    const read = await organization(json.access_token, graph)
    expect(read.json.value[0].id).toBe(tenant.tenantId)
    expect(read.json['@odata.context']).toBe(`https://${graph}/v1.0/$metadata#organization`)
    // Under a name that is none of Microsoft's, one address serves all of them.
    expect((await organization(json.access_token, 'localhost')).status).toBe(200)
  })

  test('names its own hosts when asked for them', async () => {
    const path = `/${tenantIn(cloud).tenantId}/v2.0/.well-known/openid-configuration`
    const { json } = await emulator.call('GET', path, { headers: { host: login } })
    expect(json.msgraph_host).toBe(graph)
    expect(json.token_endpoint).toMatch(`https://${login}/`)
  })
})

test('one cloud knows nothing of another', async () => {
  const global = tenantIn('global')
  const china = tenantIn('china')
  const [, , , [, chinaLogin, chinaGraph]] = clouds
  const elsewhere = await signIn(global, chinaLogin, chinaGraph)
  expect(elsewhere.json.error_codes).toEqual([90002])
  const wrongResource = await signIn(global, 'localhost', chinaGraph)
  expect(wrongResource.json.error_codes).toEqual([500011])
  const { access_token } = (await signIn(china, chinaLogin, chinaGraph)).json
  const refused = await organization(access_token, 'graph.microsoft.com')
  expect(refused.status).toBe(401)
  expect(refused.json.error.message).toContain('Invalid audience')
})

test('faults of one tenant leave the others alone', async () => {
  const { tenantId } = tenantIn('usGov')
  await emulator.control('POST', '/faults', { name: 'throttle', tenantId })
  const statuses = []
  for (const [cloud, login, graph] of clouds) {
    const { json } = await signIn(tenantIn(cloud), login, graph)
    statuses.push(json.access_token === undefined ? 429 : 200)
  }
  expect(statuses).toEqual([200, 429, 200, 200])
})
