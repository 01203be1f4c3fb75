import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { Check } from 'typebox/value'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Clouds, createClouds } from '../../src/connectors/microsoft/clouds.ts'
import { lookUpTenantId } from '../../src/connectors/microsoft/tenantId.ts'
import { ConnectionReport } from '../../src/contract/tenants.ts'
import type { Clock } from '../../src/core/clock.ts'
import type { Emulator, TenantAccess, TenantSpec } from '../../src/emulator/options.ts'
import { startEmulator } from '../../src/emulator/start.ts'
import {
  createCertificate,
  exportCertificate,
} from '../../src/features/certificates/certificates.ts'
import { createMicrosoft } from '../../src/features/connections/microsoft.ts'
import { createTenant, readTenant } from '../../src/features/tenants/tenants.ts'
import {
  createConnectionTest,
  type TestConnection,
} from '../../src/features/tenants/testConnection.ts'
import { createTestPace } from '../../src/features/tenants/testPace.ts'
import { updateTenant } from '../../src/features/tenants/updateTenant.ts'
import { createEgress, type Egress } from '../../src/net/egress.ts'
import { listAudit } from '../../src/store/audit.ts'
import { inScope } from '../../src/store/scope.ts'
import { control } from '../engine/control.ts'
import { systemClock } from '../store/testing.ts'
import {
  actorAt,
  addNode,
  type Bench,
  eventsAt,
  failureOf,
  openBench,
  provider,
} from './support.ts'

const unknownApplication = '99999999-0000-4000-8000-000000000000'
const everything = [
  'User.ReadWrite.All',
  'Group.ReadWrite.All',
  'LicenseAssignment.ReadWrite.All',
  'Organization.Read.All',
  'Application.Read.All',
  'RoleManagement.Read.Directory',
]

let bench: Bench
let emulator: Emulator
let dataDir: string
let egress: Egress
let clouds: Clouds
let testConnection: TestConnection
let skewMs = 0
const clock: Clock = { ...systemClock, now: () => systemClock.now() + skewMs }

beforeAll(async () => {
  bench = await openBench()
  dataDir = await mkdtemp(join(tmpdir(), 'patchbay-emulator-'))
  emulator = await startEmulator({
    dataDir,
    clock: systemClock,
    tenants: [{ users: 1, seed: 1 }],
    control: true,
  })
  egress = createEgress(async () => [{ address: '127.0.0.1', family: 4 }])
  const cloud = {
    ...{ name: 'emulator', login: emulator.url, graph: emulator.url, ca: emulator.caPem },
    scope: 'https://graph.microsoft.com/.default',
    allowedAddresses: ['127.0.0.0/8'],
  }
  const closed = {
    ...cloud,
    name: 'closed',
    login: 'https://127.0.0.1:9',
    graph: 'https://127.0.0.1:9',
  }
  const { ca: _ca, ...unknownAuthority } = { ...cloud, name: 'foreign' }
  clouds = createClouds([cloud, closed, unknownAuthority])
  testConnection = newTest()
})
afterAll(async () => {
  await egress.close()
  await emulator.close()
  await rm(dataDir, { recursive: true })
  await bench.close()
})

const { signal } = new AbortController()
const proxies = { allowedAddresses: ['127.0.0.0/8'] }
const directory = () => ({
  clouds,
  proxies,
  lookUpTenantId: (cloud: Parameters<typeof lookUpTenantId>[1], name: string) =>
    lookUpTenantId(egress.exchange, cloud, { name }),
})

function newTest(): TestConnection {
  const { exchange } = egress
  const microsoft = createMicrosoft({ egress, clouds, clock, random: () => 0, log: () => {} })
  const store = { ...bench.store, clock }
  const surroundings = { clouds, proxies }
  return createConnectionTest({
    ...{ store, microsoft, exchange, surroundings, takePlace: createTestPace(clock) },
  })
}

let count = 0

/** Makes an emulated tenant and attaches it to a node of its own. */
async function attach(
  spec: Partial<TenantSpec> = {},
  graph: Parameters<typeof createTenant>[3]['graph'] = {},
) {
  count += 1
  const whole = { users: 5, seed: 100 + count, roles: everything, ...spec }
  const access = (await control(emulator, '').ask('POST', 'tenants', whole)) as TenantAccess
  const { clientId, clientSecret, domain } = access
  const node = await addNode(bench, 1, 'customer', `Customer ${count}`)
  const own = { cloud: 'emulator', clientId, clientSecret, tenantId: domain, ...graph }
  const input = { nodeId: node.id, name: `Tenant ${count}`, graph: own }
  const tenant = await createTenant(provider, bench.store, directory(), input)
  return { tenant, access, ask: control(emulator, access.tenantId).ask }
}

async function report(tenantId: number) {
  const answer = await testConnection(provider, { tenantId, confirm: true }, signal)
  expect(Check(ConnectionReport, answer)).toBe(true)
  for (const { outcome, remedy } of answer.steps) {
    if (outcome !== 'skipped') expect(remedy === null).toBe(outcome === 'passed')
  }
  const byName = new Map(answer.steps.map((step) => [step.step, step]))
  return { ...answer, step: (name: string) => byName.get(name) }
}

describe('a connection that works', () => {
  test('is asked about before anything is sent', async () => {
    const { tenant, access, ask } = await attach({ directoryRoles: ['User Administrator'] })
    for (const confirm of [undefined, false]) {
      const failure = await failureOf(
        testConnection(provider, { tenantId: tenant.id, confirm }, signal),
      )
      expect([failure.code, failure.message]).toEqual([
        'confirmation-required',
        expect.stringContaining('credentials'),
      ])
    }
    const found = await report(tenant.id)
    expect(found.steps.map(({ step, outcome }) => `${step} ${outcome}`)).toEqual([
      'addresses passed',
      'token passed',
      'clock passed',
      'organization passed',
      'permissions passed',
      'licences passed',
      'directory-roles passed',
      'credentials passed',
      'teams skipped',
      'exchange skipped',
    ])
    expect(found.outcome).toBe('passed')
    expect(found.step('organization')?.message).toContain(access.displayName)
    expect(found.step('organization')?.details).toContain(access.domain)
    expect(found.step('permissions')?.details).toContain('User.ReadWrite.All (Microsoft Graph)')
    expect(found.step('directory-roles')?.details).toEqual(['User Administrator'])
    const inUse = found.features.filter((feature) => feature.inUse)
    expect(inUse.map(({ feature }) => feature)).toEqual(['users', 'groups', 'licences'])
    expect(inUse.map(({ available }) => available)).toEqual(['full', 'full', 'full'])
    const rooms = found.features.find(({ feature }) => feature === 'rooms')
    const missing = ['Place.Read.All', 'Place.ReadWrite.All']
    expect(rooms).toEqual({ feature: 'rooms', inUse: false, available: 'none', missing })

    const kept = (await readTenant(provider, bench.store, tenant.id)).connections[0]
    expect(kept).toMatchObject({ wire: 'graph', state: 'healthy' })
    expect(kept?.checkedAt).not.toBeNull()
    const audit = await inScope(bench.store.db, tenant.nodePath, (tx) => listAudit(tx))
    expect(audit.slice(0, 2).map((row) => row.action)).toEqual(['tenant.tested', 'tenant.test'])
    const events = await eventsAt(bench, tenant.nodePath, 4)
    expect(events.at(-1)).toMatchObject({ kind: 'tenant.tested', data: { outcome: 'passed' } })
    expect(JSON.stringify([found, kept, audit, events])).not.toContain(access.clientSecret)

    const elsewhere = await addNode(bench, 1, 'customer', 'Elsewhere')
    const input = { tenantId: tenant.id, confirm: true }
    const foreign = await failureOf(testConnection(actorAt(elsewhere.path), input, signal))
    expect(foreign.code).toBe('not-found')
    const reader = actorAt('1.', [{ type: '*', operations: ['Read', 'Update'] }])
    expect((await failureOf(testConnection(reader, input, signal))).code).toBe('not-permitted')

    // Long enough for the other to come while it runs, whichever of the two is first.
    await ask('POST', 'faults', {
      name: 'delay',
      path: '/appRoleAssignments',
      value: 1_000,
      count: 1,
    })
    const both = [1, 2].map(() => testConnection(provider, input, signal))
    const ends = await Promise.allSettled(both)
    const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []))
    expect(refused).toMatchObject([{ code: 'too-many-requests' }])
  })

  test('by certificate says when that ends, whatever may be read', async () => {
    const { tenant, access, ask } = await attach()
    const certificate = await createCertificate(provider, bench.store, {
      ...{ nodeId: tenant.nodeId, name: 'c', commonName: 'Patchbay', validDays: 30 },
      keyBits: 2048,
    })
    const { pem } = await exportCertificate(provider, bench.store, certificate.id)
    await ask('POST', `tenants/${access.tenantId}/certificates`, { pem })
    await updateTenant(provider, bench.store, directory(), tenant.id, {
      graph: { clientSecret: null, certificateId: certificate.id },
    })
    const found = await report(tenant.id)
    expect(found.step('token')?.message).toContain('certificate')
    expect(found.step('credentials')).toMatchObject({
      outcome: 'warning',
      message: expect.stringMatching(/certificate ends on .* in (29|30) days/),
    })
  })
})

describe('a connection that may not do everything', () => {
  test('names what is missing for which feature, and reads what it can', async () => {
    const { tenant } = await attach({ roles: ['User.Read.All', 'LicenseAssignment.Read.All'] })
    const found = await report(tenant.id)
    expect(found.outcome).toBe('warning')
    expect(found.step('permissions')).toMatchObject({
      outcome: 'warning',
      remedy: expect.stringContaining('Application.Read.All'),
    })
    expect(found.step('credentials')).toMatchObject({
      outcome: 'warning',
      message: expect.stringContaining('unknown'),
      remedy: expect.stringContaining('Application.Read.All'),
    })
    expect(new Set(found.features.map(({ available }) => available))).toEqual(new Set(['unknown']))
  })

  test('shows licences only, without the permission to assign them', async () => {
    const roles = ['User.Read.All', 'LicenseAssignment.Read.All', ...everything.slice(3)]
    const { tenant } = await attach({ roles })
    const found = await report(tenant.id)
    expect(found.features.filter(({ inUse }) => inUse)).toMatchObject([
      { feature: 'users', available: 'view-only', missing: ['User.ReadWrite.All'] },
      {
        feature: 'groups',
        available: 'none',
        missing: ['GroupMember.Read.All', 'Group.ReadWrite.All'],
      },
      { feature: 'licences', available: 'view-only', missing: ['LicenseAssignment.ReadWrite.All'] },
    ])
    expect(found.step('licences')).toMatchObject({
      outcome: 'warning',
      message: expect.stringContaining('View only'),
      remedy: expect.stringContaining('LicenseAssignment.ReadWrite.All'),
    })
    const kept = (await readTenant(provider, bench.store, tenant.id)).connections[0]
    expect(kept?.state).toBe('healthy')
  })
})

describe('a connection that may do more than it needs', () => {
  test.each(['Global Administrator', 'Privileged Role Administrator'])(
    'is told so of the directory role %s',
    async (role) => {
      const { tenant } = await attach({ directoryRoles: ['Teams Administrator', role] })
      const found = await report(tenant.id)
      expect(found.outcome).toBe('warning')
      expect(found.step('directory-roles')).toMatchObject({
        outcome: 'warning',
        message: expect.stringContaining(`the directory role ${role}: no feature needs it`),
        remedy: `Take ${role} away from the application in Entra.`,
        details: [role, 'Teams Administrator'].sort(),
      })
    },
  )

  test('is told so of permissions to grant itself others', async () => {
    const { tenant } = await attach({
      roles: [...everything, 'RoleManagement.ReadWrite.Directory', 'Application.ReadWrite.All'],
    })
    const found = await report(tenant.id)
    expect(found.step('permissions')).toMatchObject({
      outcome: 'warning',
      message: expect.stringMatching(/^The application holds the permissions Role.*, Application/),
      remedy: expect.stringMatching(/^Take RoleManagement.ReadWrite.Directory and Application/),
    })
  })

  test('is asked for what a feature needs once it is in use', async () => {
    const { tenant } = await attach()
    await inScope(bench.store.db, tenant.nodePath, async (tx) => {
      await sql`insert into model (name) values ('device/msgraph/Room')
        on conflict do nothing`.execute(tx)
      await sql`insert into resource (tenant_id, model_id, key, node_path, name, cols, hash)
        select ${tenant.id}, id, 'room', ${tenant.nodePath}, 'Room', '{}', ${Buffer.alloc(16)}
        from model where name = 'device/msgraph/Room'`.execute(tx)
    })
    const found = await report(tenant.id)
    expect(found.features.find(({ feature }) => feature === 'rooms')).toMatchObject({ inUse: true })
    expect(found.step('permissions')).toMatchObject({
      outcome: 'warning',
      message: 'Not every feature in use has its permissions (rooms: none).',
      remedy: expect.stringContaining('Place.Read.All and Place.ReadWrite.All'),
    })
  })
})

describe('a connection that fails', () => {
  const after = ['organization', 'permissions', 'licences', 'directory-roles', 'credentials']

  test.each<[string, Partial<TenantSpec>, Parameters<typeof attach>[1], string]>([
    ['a wrong secret', {}, { clientSecret: 'wrong' }, 'AADSTS7000215'],
    ['an expired secret', { secretDays: -1 }, {}, 'AADSTS7000222'],
    ['an unknown application', {}, { clientId: unknownApplication }, 'AADSTS700016'],
  ])('for %s says which, and tries nothing more', async (_what, spec, graph, number) => {
    const { tenant } = await attach(spec, graph)
    const found = await report(tenant.id)
    expect(found.outcome).toBe('failed')
    expect(found.step('token')).toMatchObject({
      outcome: 'failed',
      message: expect.stringContaining(number),
    })
    for (const name of after) expect([name, found.step(name)?.outcome]).toEqual([name, 'skipped'])
    const kept = (await readTenant(provider, bench.store, tenant.id)).connections[0]
    expect(kept).toMatchObject({
      state: 'credentials-rejected',
      message: expect.stringContaining(number),
    })
    expect(JSON.stringify(found)).not.toContain('"wrong"')
  })

  test('for a host that does not answer, or answers with a foreign certificate', async () => {
    const { tenant: closed } = await attach({}, { cloud: 'closed', tenantId: randomUUID() })
    const dead = await report(closed.id)
    expect(dead.step('addresses')).toMatchObject({
      outcome: 'failed',
      message: '127.0.0.1:9 could not be reached.',
    })
    const kept = (await readTenant(provider, bench.store, closed.id)).connections[0]
    expect(kept?.state).toBe('unreachable')
    const { tenant: foreign } = await attach({}, { cloud: 'foreign', tenantId: randomUUID() })
    const tls = await report(foreign.id)
    expect(tls.step('addresses')?.message).toMatch(/its TLS certificate or version/)
  })

  test('for a tenant that is not there', async () => {
    const { tenant } = await attach({}, { tenantId: randomUUID() })
    const found = await report(tenant.id)
    expect(found.step('addresses')).toMatchObject({
      outcome: 'failed',
      message: expect.stringContaining('AADSTS90002'),
    })
  })
})

describe('times', () => {
  test('a secret that ends within 60 days is a warning', async () => {
    const { tenant } = await attach({ secretDays: 20 })
    const found = await report(tenant.id)
    expect(found.step('credentials')).toMatchObject({
      outcome: 'warning',
      message: expect.stringMatching(/secret ends on \d{4}-\d\d-\d\d, in (19|20) days/),
    })
    expect(found.outcome).toBe('warning')
  })

  test.each([
    [5 * 60_000, /ahead of/],
    [-10 * 60_000, /behind/],
  ])('a clock that is %i ms off is a warning', async (offset, words) => {
    const { tenant } = await attach()
    skewMs = offset
    try {
      const found = await report(tenant.id)
      expect(found.step('clock')).toMatchObject({
        outcome: 'warning',
        message: expect.stringMatching(words),
        remedy: expect.stringContaining('NTP'),
      })
    } finally {
      skewMs = 0
    }
  })
})
