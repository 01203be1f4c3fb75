import { Check, Errors } from 'typebox/value'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Tenant, TenantCreate } from '../../src/contract/tenantFields.ts'
import { tenantFields } from '../../src/features/tenants/fields.ts'
import { listTenants, readTenant } from '../../src/features/tenants/tenants.ts'
import { updateTenant } from '../../src/features/tenants/updateTenant.ts'
import { listAudit } from '../../src/store/audit.ts'
import { inScope } from '../../src/store/scope.ts'
import {
  actorAt,
  type Bench,
  contosoId,
  directory,
  eventsAt,
  failureOf,
  fieldsOf,
  openBench,
  provider,
  removeTenant,
} from './support.ts'
import { guid, tenantBench, windows } from './tenantBench.ts'

let bench: Bench
const { attach, update } = tenantBench(() => bench)

beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.close())

describe('creating', () => {
  test('answers what the contract says, with defaults, and finds it again', async () => {
    const { customer, tenant } = await attach({ description: 'The first' })
    expect(Check(Tenant, tenant)).toBe(true)
    expect(tenant).toMatchObject({
      ...{ nodeId: customer.id, nodePath: customer.path, version: 1, description: 'The first' },
      powershell: { mode: 'none', host: null, password: { set: false, changedAt: null } },
      httpProxy: { use: false, authenticate: false, username: null },
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

test('every field comes back as it was given', async () => {
  const { customer, tenant } = await attach({
    description: 'All of it',
    ...windows,
    httpProxy: { use: true, authenticate: true, username: 'u', password: 'p' },
    teams: { enabled: true, adminUsername: 'admin@contoso.com', adminPassword: 'p' },
    graph: {
      cloud: 'china',
      certificateThumbprint: 'A'.repeat(40),
      proxy: 'https://proxy.contoso.com:3128/',
      userPageSize: 100,
      groupPageSize: 50,
    },
    exchange: {
      enabled: true,
      organization: 'contoso.onmicrosoft.com',
      certificateThumbprint: 'B'.repeat(40),
    },
    sync: { deleteThreshold: 25 },
  })
  const set = { set: true, changedAt: expect.stringMatching(/^20.*Z$/) }
  expect(await readTenant(actorAt(customer.path), bench.store, tenant.id)).toMatchObject({
    description: 'All of it',
    powershell: { ...windows.powershell, password: set },
    httpProxy: { use: true, authenticate: true, username: 'u', password: set },
    teams: { enabled: true, adminUsername: 'admin@contoso.com', adminPassword: set },
    graph: {
      ...{ cloud: 'china', clientId: guid(1), tenantId: tenant.graph.tenantId, clientSecret: set },
      ...{ certificateThumbprint: 'A'.repeat(40), certificateId: null, secureProxy: null },
      ...{ proxy: 'https://proxy.contoso.com:3128/', userPageSize: 100, groupPageSize: 50 },
    },
    exchange: {
      ...{ enabled: true, organization: 'contoso.onmicrosoft.com' },
      certificateThumbprint: 'B'.repeat(40),
    },
    sync: { deleteThreshold: 25 },
  })
})

describe('the text fields', () => {
  const long = 'x'.repeat(255)
  const filled = {
    ...{ name: long, description: long },
    powershell: { ...windows.powershell, username: long },
    httpProxy: { use: true, authenticate: true, username: long, password: 'p' },
    teams: { enabled: true, adminUsername: long, adminPassword: 'p' },
  }

  test('hold 255 characters, and come back with all of them', async () => {
    const { tenant } = await attach(filled)
    const { powershell, httpProxy, teams } = await readTenant(provider, bench.store, tenant.id)
    expect(tenant).toMatchObject({ name: long, description: long })
    const names = [powershell.username, httpProxy.username, teams.adminUsername]
    expect(names).toEqual([long, long, long])
  })

  test.each([
    ['name', { name: `${long}x` }],
    ['name', { name: 'a/b' }],
    ['description', { description: `${long}x` }],
    ['powershell.host', { powershell: { host: `${long}x` } }],
    ['powershell.username', { powershell: { username: `${long}x` } }],
    ['powershell.password', { powershell: { password: `${long}x` } }],
    ['httpProxy.username', { httpProxy: { username: `${long}x` } }],
    ['teams.adminUsername', { teams: { adminUsername: `${long}x` } }],
  ])('%s takes no more and nothing else', (path, wrong) => {
    const body = { nodeId: 1, name: 'T', ...wrong }
    const places = Errors(TenantCreate, body).map(({ instancePath }) => instancePath)
    expect(places).toContain(`/${path.replace('.', '/')}`)
    expect(Errors(TenantCreate, { nodeId: 1, name: 'T-1_a. b' })).toEqual([])
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
      expect((await failureOf(removeTenant(actor, store, removal))).code).toBe(code)
    }
    expect((await failureOf(readTenant(sibling, store, tenant.id))).code).toBe('not-found')
    expect((await readTenant(reader, store, tenant.id)).name).toBe(tenant.name)
  })
})

describe('deleting', () => {
  test('H8: asks for the name, removes every row and the key, and keeps the audit', async () => {
    const { customer, tenant } = await attach()
    const { store } = bench
    const asked = await failureOf(removeTenant(provider, store, { tenantId: tenant.id }))
    expect([asked.code, asked.message]).toEqual([
      'confirmation-required',
      expect.stringContaining('0 stored objects'),
    ])
    await removeTenant(provider, store, { tenantId: tenant.id, confirm: tenant.name })
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
    expect((await failureOf(removeTenant(provider, bench.store, removal))).code).toBe('conflict')
  })
})

test('E2: a secret goes in and never comes out', async () => {
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
    await eventsAt(bench, customer.path, 3),
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
