import { Check } from 'typebox/value'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Tenant } from '../../src/contract/tenantFields.ts'
import { createCertificate } from '../../src/features/certificates/certificates.ts'
import type { NodeAnswer } from '../../src/features/hierarchy/nodes.ts'
import type { TenantAnswer } from '../../src/features/tenants/answer.ts'
import { connectTenant } from '../../src/features/tenants/connect.ts'
import { deleteTenant } from '../../src/features/tenants/deleteTenant.ts'
import { tenantFields } from '../../src/features/tenants/fields.ts'
import { placesOf } from '../../src/features/tenants/places.ts'
import { createTenant, listTenants, readTenant } from '../../src/features/tenants/tenants.ts'
import { updateTenant } from '../../src/features/tenants/updateTenant.ts'
import { listAudit } from '../../src/store/audit.ts'
import { eventsFromStart, readEvents } from '../../src/store/events.ts'
import { inScope } from '../../src/store/scope.ts'
import {
  actorAt,
  addNode,
  type Bench,
  contosoId,
  directory,
  failureOf,
  fieldsOf,
  openBench,
  provider,
} from './support.ts'

let bench: Bench
let count = 0

beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.close())

type Input = Parameters<typeof createTenant>[3]
type Change = Parameters<typeof updateTenant>[4]

const guid = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`

/** A customer of its own with a tenant that has what every tenant needs. */
async function attach(
  more: Partial<Input> = {},
): Promise<{ customer: NodeAnswer; tenant: TenantAnswer }> {
  count += 1
  const customer = await addNode(bench, 1, 'customer', `Customer ${count}`)
  const graph = { clientId: guid(1), tenantId: guid(count), clientSecret: 'canary' }
  const input = { nodeId: customer.id, name: `Tenant ${count}`, ...more }
  const tenant = await createTenant(provider, bench.store, directory, {
    ...input,
    graph: { ...graph, ...more.graph },
  })
  return { customer, tenant }
}

const update = (id: number, change: Change) =>
  updateTenant(provider, bench.store, directory, id, change)

async function secretOf(tenantId: number, field: string): Promise<string | undefined> {
  return await inScope(bench.store.db, '1.', async (tx) =>
    (await bench.store.vault.get(tx, { owner: `tenant:${tenantId}`, field }))?.reveal(),
  )
}

const windows = {
  powershell: {
    mode: 'windows-proxy' as const,
    host: 'proxy.contoso.com',
    username: 'svc-patchbay',
    password: 'canary-powershell',
  },
}

describe('creating', () => {
  test('answers what the contract says, with defaults, and finds it again', async () => {
    const { customer, tenant } = await attach({ description: 'The first' })
    expect(Check(Tenant, tenant)).toBe(true)
    expect(tenant).toMatchObject({
      ...{ nodeId: customer.id, nodePath: customer.path, version: 1, description: 'The first' },
      powershell: { mode: 'none', host: null, password: { set: false, changedAt: null } },
      graph: { cloud: 'global', clientSecret: { set: true }, userPageSize: null },
      sync: { deleteThreshold: 10 },
      connections: [{ wire: 'graph', state: 'untested', message: '', checkedAt: null }],
    })
    expect(await readTenant(provider, bench.store, tenant.id)).toEqual(tenant)
    expect((await listTenants(provider, bench.store, {})).items).toContainEqual(tenant)
    const [only] = (await listTenants(actorAt(customer.path), bench.store, {})).items
    expect(only).toEqual(tenant)
  })

  test('takes ids and thumbprints in the spellings people paste', async () => {
    const { tenant } = await attach({
      name: ' Spelled ',
      graph: {
        clientId: ' ABCDEF00-0000-4000-8000-000000000001 ',
        tenantId: ' 00000000-0000-4000-8000-0000000ABCDE',
        certificateThumbprint: `\u200eaa:bb cc${'0'.repeat(34)}`,
      },
    })
    expect(tenant.name).toBe('Spelled')
    expect(tenant.graph).toMatchObject({
      clientId: 'abcdef00-0000-4000-8000-000000000001',
      tenantId: '00000000-0000-4000-8000-0000000abcde',
      certificateThumbprint: `AABBCC${'0'.repeat(34)}`,
    })
  })

  test('replaces a domain by the id of the tenant that holds it', async () => {
    const { tenant } = await attach({ graph: { tenantId: 'Contoso.com' } })
    expect(tenant.graph.tenantId).toBe(contosoId)
    for (const tenantId of ['nobody.example', 'contoso', 'common', '1234', 'a b.com']) {
      expect(await fieldsOf(attach({ graph: { tenantId } }))).toEqual(['body.graph.tenantId'])
    }
  })

  test('one tenant per node', async () => {
    const { customer } = await attach()
    const failure = await failureOf(attach({ nodeId: customer.id }))
    expect([failure.code, failure.message]).toEqual([
      'conflict',
      expect.stringMatching(/at most one/),
    ])
  })

  test('names every field at fault at once', async () => {
    const graph = { clientId: 'x', clientSecret: '', cloud: 'moon', proxy: 'ftp://x/' }
    const work = attach({ name: 'T', graph, powershell: { mode: 'windows-proxy', host: 'a/b' } })
    expect((await fieldsOf(work)).sort()).toEqual([
      'body.graph.clientId',
      'body.graph.clientSecret',
      'body.graph.cloud',
      'body.graph.proxy',
      'body.powershell.host',
      'body.powershell.password',
      'body.powershell.username',
    ])
  })
})

describe('the same Microsoft tenant', () => {
  test('is attached once, and where is told only to whoever sees it', async () => {
    const { tenant } = await attach()
    const seen = await failureOf(attach({ graph: { tenantId: tenant.graph.tenantId } }))
    expect([seen.code, seen.message]).toEqual(['conflict', expect.stringContaining(tenant.name)])

    const other = await addNode(bench, 1, 'customer', 'Elsewhere')
    const graph = { clientId: guid(1), tenantId: tenant.graph.tenantId, clientSecret: 'x' }
    const input = { nodeId: other.id, name: 'Mine', graph }
    const unseen = await failureOf(createTenant(actorAt(other.path), bench.store, directory, input))
    expect(unseen.code).toBe('conflict')
    expect(unseen.message).not.toContain(tenant.name)
    expect(unseen.message).not.toContain(String(tenant.nodeId))
    const left = await inScope(bench.store.db, other.path, (tx) =>
      tx.selectFrom('secret').select('field').execute(),
    )
    expect(left).toEqual([])
  })

  test('may be attached again below, and the first record then stays', async () => {
    const { customer, tenant } = await attach()
    const site = await addNode(bench, customer.id, 'site', 'Berlin')
    const same = { graph: { tenantId: tenant.graph.tenantId } }
    const { tenant: below } = await attach({ ...same, nodeId: site.id })
    const removal = { tenantId: tenant.id, confirm: tenant.name }
    expect((await failureOf(deleteTenant(provider, bench.store, removal))).code).toBe('conflict')
    const change = update(tenant.id, { graph: { tenantId: guid(900), clientSecret: 'new' } })
    expect((await failureOf(change)).code).toBe('conflict')
    await deleteTenant(provider, bench.store, { tenantId: below.id, confirm: below.name })
    await deleteTenant(provider, bench.store, removal)
  })

  test('cannot be attached above or beside where it is', async () => {
    const { customer } = await attach()
    const site = await addNode(bench, customer.id, 'site', 'Berlin')
    const { tenant } = await attach({ nodeId: site.id })
    const beside = await addNode(bench, customer.id, 'site', 'Hamburg')
    const work = attach({ nodeId: beside.id, graph: { tenantId: tenant.graph.tenantId } })
    expect((await failureOf(work)).code).toBe('conflict')
  })

  test('is another one in another cloud', async () => {
    const { tenant } = await attach()
    const graph = { cloud: 'china', tenantId: tenant.graph.tenantId }
    expect((await attach({ graph })).tenant.graph.cloud).toBe('china')
  })
})

describe('changing', () => {
  test('merges, clears by null, counts versions and puts the change on record', async () => {
    const { customer, tenant } = await attach({ description: 'Old', ...windows })
    const changed = await update(tenant.id, {
      name: 'New name',
      description: null,
      graph: { userPageSize: 500 },
      powershell: { mode: 'none', host: null, username: null },
    })
    expect(changed).toMatchObject({
      ...{ version: 2, name: 'New name', description: null },
      powershell: { mode: 'none', host: null, password: { set: false } },
      graph: { userPageSize: 500, clientSecret: { set: true } },
    })
    expect(changed.updatedAt > tenant.updatedAt).toBe(true)
    const again = await update(tenant.id, { graph: { userPageSize: null } })
    expect([again.version, again.graph.userPageSize]).toEqual([3, null])
    const [newest] = await inScope(bench.store.db, customer.path, (tx) => listAudit(tx))
    expect(newest).toMatchObject({
      ...{ action: 'tenant.update', tenantId: tenant.id },
      detail: { before: { 'graph.userPageSize': 500 }, after: { 'graph.userPageSize': null } },
    })
  })

  test('that changes nothing writes nothing', async () => {
    const { customer, tenant } = await attach()
    const same = { name: tenant.name, graph: { clientId: guid(1).toUpperCase() } }
    expect(await update(tenant.id, same)).toEqual(tenant)
    const audit = await inScope(bench.store.db, customer.path, (tx) => listAudit(tx))
    expect(audit.map((row) => row.action)).toEqual(['tenant.create', 'node.create'])
  })

  test('forgets what the last test found when sign-in changes', async () => {
    const { customer, tenant } = await attach()
    await inScope(bench.store.db, customer.path, (tx) =>
      tx.updateTable('connection').set({ state: 'healthy', message: 'Fine' }).execute(),
    )
    const renamed = await update(tenant.id, { name: 'Renamed' })
    expect(renamed.connections[0]?.state).toBe('healthy')
    const changed = await update(tenant.id, { graph: { clientSecret: 'new' } })
    expect(changed.connections[0]).toMatchObject({ state: 'untested', message: '' })
  })

  test('to another Microsoft tenant, not while objects of the former are here', async () => {
    const { customer, tenant } = await attach()
    await inScope(bench.store.db, customer.path, (tx) =>
      tx
        .insertInto('resource')
        .values({
          ...{ tenant_id: tenant.id, model_id: 1, key: 'k', node_path: customer.path },
          ...{ name: 'n', cols: [], hash: Buffer.of(1) },
        })
        .execute(),
    )
    const change = { graph: { tenantId: guid(901), clientSecret: 'new' } }
    const failure = await failureOf(update(tenant.id, change))
    expect([failure.code, failure.message]).toEqual(['conflict', expect.stringMatching(/former/)])
  })

  test('needs the permission, and the scope', async () => {
    const { customer, tenant } = await attach()
    const sibling = actorAt((await attach()).customer.path)
    const reader = actorAt(customer.path, [{ type: 'relation/*', operations: ['Read'] }])
    const change = { name: 'Taken over' }
    const { store } = bench
    const removal = { tenantId: tenant.id, confirm: tenant.name }
    for (const [actor, code] of [
      [sibling, 'not-found'],
      [reader, 'not-permitted'],
    ] as const) {
      const renaming = updateTenant(actor, store, directory, tenant.id, change)
      expect((await failureOf(renaming)).code).toBe(code)
      expect((await failureOf(deleteTenant(actor, store, removal))).code).toBe(code)
    }
    expect((await failureOf(readTenant(sibling, store, tenant.id))).code).toBe('not-found')
    expect((await readTenant(reader, store, tenant.id)).name).toBe(tenant.name)
  })
})

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
  ])('%s', async (_what, change, secrets) => {
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
    expect(await fieldsOf(moved)).toEqual(['body.graph.secureProxy'])
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

describe('certificates', () => {
  const make = (nodeId: number) =>
    createCertificate(provider, bench.store, {
      ...{ nodeId, name: `c ${count}`, commonName: 'c', keyBits: 2048 as const },
    })

  test('belong to the node of the tenant or one above, and are opened for it', async () => {
    const { customer } = await attach()
    const above = await make(customer.id)
    const site = await addNode(bench, customer.id, 'site', 'Berlin')
    const graph = { clientSecret: null, certificateId: above.id }
    const thumbprint = { certificateThumbprint: above.thumbprint.toLowerCase() }
    const { tenant } = await attach({ nodeId: site.id, graph: { ...graph, ...thumbprint } })
    const surroundings = { clouds: directory.clouds, proxies: {} }
    const place = { tenantId: tenant.id, scope: tenant.nodePath }
    const { application } = await connectTenant(bench.store, surroundings, place)
    const { certificate, clientSecret } = await application.credentials()
    expect(clientSecret).toBeUndefined()
    expect(certificate?.privateKeyPem.reveal()).toContain('BEGIN PRIVATE KEY')
    const admin = actorAt(site.path)
    const { store } = bench
    const renamed = await updateTenant(admin, store, directory, tenant.id, { name: 'Renamed' })
    expect(renamed.graph.certificateId).toBe(above.id)

    for (const certificateId of [(await make((await attach()).customer.id)).id, 999_999]) {
      const wrong = attach({ graph: { clientSecret: null, certificateId } })
      expect(await fieldsOf(wrong)).toEqual(['body.graph.certificateId'])
    }
    const taken = updateTenant(admin, store, directory, tenant.id, {
      graph: { certificateId: 999_999 },
    })
    expect(await fieldsOf(taken)).toEqual(['body.graph.certificateId'])
  })

  test('have the thumbprint that is given', async () => {
    const { customer, tenant } = await attach()
    const { id, thumbprintSha256 } = await make(customer.id)
    const graph = { certificateId: id, certificateThumbprint: 'A'.repeat(40) }
    const wrong = update(tenant.id, { graph })
    expect(await fieldsOf(wrong)).toEqual(['body.graph.certificateThumbprint'])
    const right = { ...graph, certificateThumbprint: thumbprintSha256 }
    expect((await update(tenant.id, { graph: right })).graph.certificateId).toBe(id)
  })
})

describe('deleting', () => {
  test('asks for the name, removes every row and the key, and keeps the audit', async () => {
    const { customer, tenant } = await attach()
    const { store } = bench
    const asked = await failureOf(deleteTenant(provider, store, { tenantId: tenant.id }))
    expect([asked.code, asked.message]).toEqual([
      'confirmation-required',
      expect.stringContaining('0 stored objects'),
    ])
    await deleteTenant(provider, store, { tenantId: tenant.id, confirm: tenant.name })
    expect((await failureOf(readTenant(provider, store, tenant.id))).code).toBe('not-found')
    const left = await inScope(store.db, customer.path, async (tx) => ({
      secrets: await tx.selectFrom('secret').select('field').execute(),
      keys: await tx.selectFrom('data_key').select('owner').execute(),
      connections: await tx.selectFrom('connection').select('wire').execute(),
      audit: (await listAudit(tx)).map((row) => row.action),
    }))
    expect(left).toEqual({
      ...{ secrets: [], keys: [], connections: [] },
      audit: ['tenant.delete', 'tenant.create', 'node.create'],
    })
  })

  test.each(['queued', 'running'] as const)('not while a sync is %s', async (state) => {
    const { customer, tenant } = await attach()
    await inScope(bench.store.db, customer.path, (tx) =>
      tx
        .insertInto('run')
        .values({ tenant_id: tenant.id, node_path: customer.path, state, actor: '{}' })
        .execute(),
    )
    const removal = { tenantId: tenant.id, confirm: tenant.name }
    expect((await failureOf(deleteTenant(provider, bench.store, removal))).code).toBe('conflict')
  })
})

test('a secret goes in and never comes out', async () => {
  const canaries: string[] = []
  const groups: Record<string, Record<string, unknown>> = {}
  for (const { group, name, stored } of tenantFields) {
    if (stored !== 'secret') continue
    const canary = `canary-${group}-${name}-0123456789abcdef`
    canaries.push(canary)
    groups[group] = { ...groups[group], [name]: canary }
  }
  expect(canaries.length).toBeGreaterThan(3)
  const { customer, tenant } = await attach({
    powershell: { ...windows.powershell, ...groups.powershell },
    httpProxy: { use: true, authenticate: true, username: 'u', ...groups.httpProxy },
    teams: { enabled: true, adminUsername: 'a', ...groups.teams },
    graph: { ...groups.graph, secureProxy: 'https://u:canary-address@h.example:3128/' },
  })
  const texts = [
    tenant,
    await listTenants(provider, bench.store, {}),
    await failureOf(
      update(tenant.id, { graph: { clientId: 'canary-not', clientSecret: 'canary-x' } }),
    ),
    await update(tenant.id, { graph: { clientSecret: 'canary-second' } }),
    await readEvents(bench.store.db, customer.path, eventsFromStart),
    await inScope(bench.store.db, customer.path, (tx) => listAudit(tx)),
    await inScope(bench.store.db, customer.path, (tx) =>
      tx.selectFrom('tenant').selectAll().execute(),
    ),
    await inScope(bench.store.db, customer.path, async (tx) =>
      (await tx.selectFrom('secret').select('sealed').execute()).map((row) =>
        row.sealed.toString('latin1'),
      ),
    ),
  ].map(
    (value) =>
      `${String(value)} ${JSON.stringify(value)} ${JSON.stringify(value, Object.getOwnPropertyNames(value))}`,
  )
  for (const text of texts) expect(text).not.toContain('canary')
})
