import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { appRoleId } from '../../src/catalogue/permissions.ts'
import {
  readCredentialEnds,
  readDirectoryRoles,
  readGrantedPermissions,
  readOrganization,
  readPrincipal,
} from '../../src/connectors/graph/checks.ts'
import { cloudNamed, createClouds } from '../../src/connectors/microsoft/clouds.ts'
import { lookUpTenantId } from '../../src/connectors/microsoft/tenantId.ts'
import {
  clientId,
  json,
  type Microsoft,
  type Reply,
  startMicrosoft,
  tenantId,
} from './microsoft.ts'

let microsoft: Microsoft
const { signal } = new AbortController()

beforeAll(async () => {
  microsoft = await startMicrosoft()
})
afterAll(() => microsoft.close())
beforeEach(() => microsoft.reset())

const forbidden = json(403, { error: { code: 'Authorization_RequestDenied', message: 'x' } })
const lastUrl = () => decodeURIComponent(microsoft.sent('graph.test').at(-1)?.url ?? '')

function answer(value: unknown[], headers: Record<string, string> = {}): Reply {
  return json(200, { value }, headers)
}

describe('connection checks', () => {
  it('read the organization and how far the clocks are apart', async () => {
    const date = new Date(microsoft.clock.now() - 420_000).toUTCString()
    microsoft.replies.graph = answer(
      [
        {
          id: tenantId,
          displayName: 'Contoso',
          verifiedDomains: [{ name: 'contoso.example', isDefault: true, isInitial: false }],
        },
      ],
      { date },
    )
    const facts = await readOrganization(microsoft.transport(), microsoft.clock, signal)
    expect(facts).toMatchObject({
      id: tenantId,
      displayName: 'Contoso',
      domains: [{ name: 'contoso.example', isDefault: true, isInitial: false }],
    })
    expect(Math.abs((facts.clockSkewMs ?? 0) - 420_000)).toBeLessThan(2_000)
  })

  it('read what was consented to, by name', async () => {
    const transport = microsoft.transport()
    microsoft.replies.graph = answer([{ id: 'sp', displayName: 'Patchbay', accountEnabled: true }])
    expect(await readPrincipal(transport, clientId, signal)).toEqual({
      id: 'sp',
      displayName: 'Patchbay',
      enabled: true,
    })
    expect(lastUrl()).toContain(`$filter=appId eq '${clientId}'`)
    microsoft.replies.graph = answer([
      { appRoleId: appRoleId('User.Read.All'), resourceDisplayName: 'Microsoft Graph' },
      { appRoleId: 'unheard-of', resourceDisplayName: 'Another' },
    ])
    expect(await readGrantedPermissions(transport, 'sp', signal)).toEqual([
      { name: 'User.Read.All', service: 'Microsoft Graph' },
      { name: 'unheard-of', service: 'Another' },
    ])
  })

  it('read roles for the whole directory only, over several pages', async () => {
    const next = `${microsoft.cloud.graph}/v1.0/roleManagement/directory/roleAssignments?$skiptoken=2`
    const role = (displayName: string, directoryScopeId: string) => ({
      directoryScopeId,
      roleDefinition: { displayName },
    })
    microsoft.replies.graph = (response, received) =>
      json(
        200,
        received.url.includes('skiptoken')
          ? { value: [role('Exchange Administrator', '/')] }
          : {
              value: [role('User Administrator', '/'), role('Global Reader', '/admin/1')],
              '@odata.nextLink': next,
            },
      )(response, received)
    expect(await readDirectoryRoles(microsoft.transport(), 'sp', signal)).toEqual([
      'Exchange Administrator',
      'User Administrator',
    ])
  })

  it('read when credentials end', async () => {
    microsoft.replies.graph = answer([
      {
        passwordCredentials: [
          { keyId: 'k1', displayName: 'main', endDateTime: '2027-01-01T00:00:00Z', hint: 'abc' },
        ],
        keyCredentials: [{ keyId: 'k2', displayName: null, endDateTime: '2028-01-01T00:00:00Z' }],
      },
    ])
    expect(await readCredentialEnds(microsoft.transport(), clientId, signal)).toEqual([
      { kind: 'secret', keyId: 'k1', name: 'main', endsAt: '2027-01-01T00:00:00Z', hint: 'abc' },
      { kind: 'certificate', keyId: 'k2', name: '', endsAt: '2028-01-01T00:00:00Z', hint: '' },
    ])
    microsoft.replies.graph = answer([])
    expect(await readCredentialEnds(microsoft.transport(), clientId, signal)).toBe('unknown')
  })

  it('do not fail for want of the permission to check', async () => {
    microsoft.replies.graph = forbidden
    const transport = microsoft.transport()
    expect(await readPrincipal(transport, clientId, signal)).toBe('unknown')
    expect(await readGrantedPermissions(transport, 'sp', signal)).toBe('unknown')
    expect(await readDirectoryRoles(transport, "o'sp", signal)).toBe('unknown')
    expect(lastUrl()).toContain("principalId eq 'o''sp'")
    expect(await readCredentialEnds(transport, clientId, signal)).toBe('unknown')
    await expect(readOrganization(transport, microsoft.clock, signal)).rejects.toMatchObject({
      code: 'consent-missing',
    })
  })
})

describe('tenant by domain', () => {
  const lookUp = (name: string) =>
    lookUpTenantId(microsoft.egress.exchange, microsoft.cloud, { name })

  it('comes from the discovery document', async () => {
    const endpoint = `${microsoft.cloud.login}/${tenantId.toUpperCase()}/oauth2/v2.0/token`
    microsoft.replies.login = json(200, { token_endpoint: endpoint })
    expect(await lookUp('contoso.example')).toBe(tenantId)
    expect(microsoft.sent('login.test')[0]?.url).toBe(
      '/contoso.example/v2.0/.well-known/openid-configuration',
    )
  })

  it('says when there is none, or when it is in another cloud', async () => {
    microsoft.replies.login = json(400, { error: 'invalid_tenant', error_codes: [90002] })
    await expect(lookUp('nobody.example')).rejects.toMatchObject({ code: 'microsoft-not-found' })
    microsoft.replies.login = json(200, {
      token_endpoint: `https://login.microsoftonline.us/${tenantId}/oauth2/v2.0/token`,
    })
    await expect(lookUp('gov.example')).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringContaining('login.microsoftonline.us'),
    })
    microsoft.replies.login = json(200, { token_endpoint: 'x' })
    await expect(lookUp('odd.example')).rejects.toMatchObject({ code: 'microsoft-broken-answer' })
  })

  it.each(['', 'x', 'a/b.example', '../x.example', 'a.example?x', 'common', '.example', 'a..b'])(
    'does not ask for %j',
    async (name) => {
      await expect(lookUp(name)).rejects.toMatchObject({ code: 'bad-input' })
      expect(microsoft.received).toHaveLength(0)
    },
  )
})

describe('clouds', () => {
  it('are the four built in and those of the configuration', () => {
    const clouds = createClouds([microsoft.cloud])
    expect([...clouds.keys()]).toEqual(['global', 'usGov', 'usGovDoD', 'china', 'test'])
    expect(cloudNamed(clouds, 'china').scope).toBe(
      'https://microsoftgraph.chinacloudapi.cn/.default',
    )
    expect(() => cloudNamed(clouds, 'https://evil.example')).toThrow(/no cloud/)
  })
})
