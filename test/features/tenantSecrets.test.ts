import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCertificate } from '../../src/features/certificates/certificates.ts'
import { connectTenant } from '../../src/features/tenants/connect.ts'
import { tenantFields } from '../../src/features/tenants/fields.ts'
import { placesOf } from '../../src/features/tenants/places.ts'
import { readTenant } from '../../src/features/tenants/tenants.ts'
import { listAudit } from '../../src/store/audit.ts'
import { inScope } from '../../src/store/scope.ts'
import { type Bench, directory, failureOf, fieldsOf, openBench, provider } from './support.ts'
import { type Change, guid, type Input, tenantBench, windows } from './tenantBench.ts'

let bench: Bench
const { attach, update, secretOf } = tenantBench(() => bench)

beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.close())

describe('secrets do not follow a changed place', () => {
  const everything: Partial<Input> = {
    ...windows,
    httpProxy: { use: true, authenticate: true, username: 'u', password: 'canary-proxy' },
    teams: { enabled: true, adminUsername: 'admin@x.com', adminPassword: 'canary-teams' },
  }

  test.each<[string, Change, string[]]>([
    [
      'tenant id',
      { graph: { tenantId: guid(910) } },
      ['graph.clientSecret', 'teams.adminPassword'],
    ],
    ['cloud', { graph: { cloud: 'china' } }, ['graph.clientSecret', 'teams.adminPassword']],
    ['client id', { graph: { clientId: guid(2) } }, ['graph.clientSecret']],
    [
      'PowerShell host',
      { powershell: { host: 'evil.example' } },
      ['httpProxy.password', 'powershell.password', 'teams.adminPassword'],
    ],
    ['PowerShell account', { powershell: { username: 'other' } }, ['powershell.password']],
    ['proxy account', { httpProxy: { username: 'other' } }, ['httpProxy.password']],
    ['Teams account', { teams: { adminUsername: 'eve@x.com' } }, ['teams.adminPassword']],
  ])('E3: %s', async (_what, change, secrets) => {
    const { tenant } = await attach(everything)
    const failure = await failureOf(update(tenant.id, change))
    expect(failure.code).toBe('bad-input')
    expect(failure.fields.map(({ field }) => field).sort()).toEqual(
      secrets.map((field) => `body.${field}`),
    )
    for (const { problem } of failure.fields) expect(problem).toMatch(/anew, because .* changed/)
    expect(await readTenant(provider, bench.store, tenant.id)).toEqual(tenant)
  })

  test('where one is not required any more it is dropped, and that is on record', async () => {
    const { customer, tenant } = await attach(everything)
    const changed = await update(tenant.id, {
      powershell: { mode: 'service' },
      httpProxy: { authenticate: false },
    })
    expect(changed.powershell.password.set).toBe(false)
    expect(changed.httpProxy.password.set).toBe(false)
    expect(changed.teams.adminPassword.set).toBe(false)
    expect(await secretOf(tenant.id, 'powershell.password')).toBeUndefined()
    const [newest] = await inScope(bench.store.db, customer.path, (tx) => listAudit(tx))
    expect(newest?.detail).toMatchObject({
      secretsDropped: { 'powershell.password': ['powershell.mode'] },
    })
  })

  test('given anew in the same request they are kept', async () => {
    const { tenant } = await attach(everything)
    const changed = await update(tenant.id, {
      powershell: { host: 'new.contoso.com', password: 'anew' },
      httpProxy: { password: 'anew' },
      teams: { adminPassword: 'anew' },
    })
    expect(changed.powershell).toMatchObject({ host: 'new.contoso.com', password: { set: true } })
    expect(await secretOf(tenant.id, 'powershell.password')).toBe('anew')
  })

  test('a certificate in its place is a credential too', async () => {
    const { customer, tenant } = await attach()
    const certificate = await createCertificate(provider, bench.store, {
      ...{ nodeId: customer.id, name: 'c', commonName: 'c', keyBits: 2048 },
    })
    const changed = await update(tenant.id, {
      graph: { tenantId: guid(911), certificateId: certificate.id },
    })
    expect(changed.graph).toMatchObject({
      clientSecret: { set: false },
      certificateId: certificate.id,
    })
  })

  test('the audit has fingerprints of what was set and dropped, equal for equal secrets', async () => {
    const { customer, tenant } = await attach()
    const set = (clientSecret: string) => update(tenant.id, { graph: { clientSecret } })
    for (const text of ['hunter2-one', 'hunter2-two', 'hunter2-one']) await set(text)
    const rows = await inScope(bench.store.db, customer.path, (tx) => listAudit(tx))
    const changes = rows.reverse().flatMap(({ detail }) => {
      const secrets = detail.secrets as Record<string, { before: string; after: string }>
      return secrets?.['graph.clientSecret'] ?? []
    })
    expect(changes).toHaveLength(4)
    const [created, one, two, again] = changes
    expect(created).toEqual({ before: null, after: expect.stringMatching(/^hmac:[0-9a-f]{32}$/) })
    expect([one?.before, two?.before, again?.before]).toEqual([
      created?.after,
      one?.after,
      two?.after,
    ])
    expect(again?.after).toBe(one?.after)
    expect(new Set([created?.after, one?.after, two?.after]).size).toBe(3)
    expect(JSON.stringify(rows)).not.toContain('hunter2')
  })

  test('every secret of the contract is tied to something', async () => {
    for (const { path, stored } of tenantFields) {
      if (stored === 'secret') expect([path, placesOf(path).length > 0]).toEqual([path, true])
    }
  })
})

describe('addresses of proxies', () => {
  const secure = 'https://user:canary-word@proxy.contoso.com:3128/'
  const masked = 'https://***@proxy.contoso.com:3128/'

  test('are shown without user and password, and kept when that comes back', async () => {
    const { tenant } = await attach({ graph: { secureProxy: secure } })
    expect(tenant.graph.secureProxy).toBe(masked)
    const same = await update(tenant.id, { graph: { secureProxy: masked, userPageSize: 10 } })
    expect([same.version, same.graph.secureProxy]).toEqual([2, masked])
    expect(await secretOf(tenant.id, 'graph.secureProxy')).toBe(secure)
    const moved = update(tenant.id, { graph: { secureProxy: masked.replace('contoso', 'evil') } })
    expect(await fieldsOf(moved)).toEqual(['body.graph.clientSecret', 'body.graph.secureProxy'])
    expect((await update(tenant.id, { graph: { secureProxy: null } })).graph.secureProxy).toBeNull()
  })

  test('exclude each other', async () => {
    const both = { proxy: 'https://proxy.contoso.com:3128/', secureProxy: secure }
    expect(await fieldsOf(attach({ graph: both }))).toEqual(['body.graph.secureProxy'])
  })

  test.each([
    'proxy.contoso.com:3128',
    'ftp://proxy.contoso.com/',
    'gopher://proxy.contoso.com:3128/',
    'file:///etc/passwd',
    'https://proxy.contoso.com:22/',
    'https://proxy.contoso.com:25/',
    'https://proxy.contoso.com:5432/',
    'https://proxy.contoso.com:99999/',
    'https://proxy.contoso.com:3128/path',
    'https://proxy.contoso.com:3128/?x',
    'https://proxy.contoso.com:3128/#x',
    'https://user@proxy.contoso.com:3128/',
    'https://user:sesame@proxy.contoso.com:3128/',
    'https://a b:3128/',
    'https://localhost./',
    'https://proxy\\evil:3128/',
  ])('without sign-in may not be %s', async (proxy) => {
    const failure = await failureOf(attach({ graph: { proxy } }))
    expect(failure.fields.map(({ field }) => field)).toEqual(['body.graph.proxy'])
    expect(failure.message).not.toContain('sesame')
  })

  test.each([
    'https://proxy.contoso.com:3128/',
    'https://user@h:3128/',
    'https://u:%0d%0aX@h:3128/',
  ])('with sign-in may not be %s', async (secureProxy) => {
    expect(await fieldsOf(attach({ graph: { secureProxy } }))).toEqual(['body.graph.secureProxy'])
  })

  test('become the way out of the tenant, with the word for the proxy alone', async () => {
    const { tenant } = await attach({ graph: { secureProxy: secure } })
    const surroundings = { clouds: directory.clouds, proxies: { allowedAddresses: ['10.0.0.0/8'] } }
    const place = { tenantId: tenant.id, scope: tenant.nodePath }
    const { application, values } = await connectTenant(bench.store, surroundings, place)
    expect(application.proxy).toMatchObject({
      endpoint: { host: 'proxy.contoso.com', port: 3128, user: 'user' },
      allowedAddresses: ['10.0.0.0/8'],
    })
    expect(application.cloud.name).toBe('global')
    expect((await application.credentials()).clientSecret?.reveal()).toBe('canary')
    expect(values['sync.deleteThreshold']).toBe(10)
  })
})
