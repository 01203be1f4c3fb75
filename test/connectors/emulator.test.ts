import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  readCredentialEnds,
  readDirectoryRoles,
  readGrantedPermissions,
  readOrganization,
  readPrincipal,
} from '../../src/connectors/graph/checks.ts'
import { graphRates } from '../../src/connectors/graph/rates.ts'
import { createGraphTransport } from '../../src/connectors/graph/transport.ts'
import { createGraphWire } from '../../src/connectors/graph/wire.ts'
import type { Application, Credentials } from '../../src/connectors/microsoft/application.ts'
import type { CallRecord } from '../../src/connectors/microsoft/callLog.ts'
import { type Cloud, graphDestination } from '../../src/connectors/microsoft/clouds.ts'
import { createLanes } from '../../src/connectors/microsoft/lanes.ts'
import { lookUpTenantId } from '../../src/connectors/microsoft/tenantId.ts'
import { createTokenClient } from '../../src/connectors/microsoft/tokens.ts'
import type { AppError } from '../../src/core/errors.ts'
import type { Model } from '../../src/core/model.ts'
import type { ReadObject } from '../../src/core/readObject.ts'
import { Sealed } from '../../src/core/secret.ts'
import { type DeltaPage, type Page, readWhole, type Wire } from '../../src/core/wire.ts'
import type { Emulator, TenantAccess } from '../../src/emulator/options.ts'
import { startEmulator } from '../../src/emulator/start.ts'
import { loadModels } from '../../src/engine/models/load.ts'
import { createEgress, type Egress } from '../../src/net/egress.ts'
import { createTestClock } from './microsoft.ts'
import { createIdentity } from './tlsServer.ts'

const { signal } = new AbortController()
const users = 1_200
const clock = createTestClock()
const certificate = createIdentity('Patchbay')

let folder: string
let emulator: Emulator
let egress: Egress
let cloud: Cloud
let access: TenantAccess
let models: Model[]
let logged: CallRecord[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emulator-'))
  emulator = await startEmulator({
    dataDir: folder,
    clock,
    control: true,
    checkAnswers: true,
    tenants: [
      { users, seed: 7, certificates: [certificate.certificatePem] },
      { users: 3, seed: 8, domain: 'other.onmicrosoft.com' },
    ],
  })
  const [first] = emulator.tenants
  if (first === undefined) throw new Error('the emulator has no tenant')
  access = first
  egress = createEgress(async () => [{ address: '127.0.0.1', family: 4 }])
  cloud = {
    name: 'emulated',
    login: emulator.url,
    graph: emulator.url,
    scope: 'https://graph.microsoft.com/.default',
    ca: emulator.caPem,
    allowedAddresses: ['127.0.0.0/8'],
  }
  models = await loadModels(join(import.meta.dirname, '../../models'))
})
afterAll(async () => {
  await egress.close()
  await emulator.close()
  await rm(folder, { recursive: true })
})

function transportFor(tenant: TenantAccess = access, credentials?: Credentials) {
  const { tenantId, clientId, clientSecret } = tenant
  const application: Application = {
    cloud,
    tenantId,
    clientId,
    credentialVersion: '1',
    credentials: async () => credentials ?? { clientSecret: new Sealed(clientSecret) },
  }
  const log = (record: CallRecord) => {
    logged.push(record)
  }
  const base = { exchange: egress.exchange, clock, random: () => 0.5, log }
  const lanes = createLanes(clock, { rates: () => graphRates })
  const tokens = createTokenClient(base)
  logged = []
  return createGraphTransport({ ...base, tokens, lanes }, application, 'sync')
}

async function control(method: 'POST' | 'DELETE', path: string, body?: object): Promise<void> {
  const answer = await egress.exchange({
    destination: graphDestination(cloud),
    method,
    url: new URL(`${emulator.url}/_control/${path}`),
    headers: { 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  })
  expect(answer.body.toString()).not.toContain('error')
  expect(answer.status).toBe(200)
}

function modelNamed(id: string): Model {
  const model = models.find((each) => each.id === id)
  if (model === undefined) throw new Error(`no model ${id}`)
  return model
}

async function listAll(wire: Wire, model: Model): Promise<ReadObject[]> {
  const objects: ReadObject[] = []
  let cursor: string | undefined
  do {
    const page: Page = await wire.list(model, cursor, signal)
    const read = readWhole(page)
    expect(read.rejected).toEqual([])
    objects.push(...read.objects)
    cursor = page.next
  } while (cursor !== undefined)
  return objects
}

async function changesSince(wire: Wire, model: Model, since: string) {
  const objects: ReadObject[] = []
  const removed: string[] = []
  let cursor = since
  for (;;) {
    const page: DeltaPage = await wire.delta(model, cursor, signal)
    objects.push(...readWhole(page).objects)
    removed.push(...page.removed)
    const next = page.next ?? page.resume
    if (next === undefined) throw new Error('a delta without an end')
    cursor = next
    if (page.resume !== undefined) return { objects, removed, resume: page.resume }
  }
}

describe('against the emulated Microsoft 365', () => {
  it('lists every user once, with manager and licences, in two pages', async () => {
    const wire = createGraphWire(transportFor())
    const model = modelNamed('device/msgraph/MSOLUser')
    const objects = await listAll(wire, model)
    expect(new Set(objects.map(({ data }) => data.id)).size).toBe(users)
    expect(objects.filter(({ links }) => links.manager?.length === 1).length).toBeGreaterThan(0)
    expect(objects.filter(({ links }) => (links.licence?.length ?? 0) > 0).length).toBeGreaterThan(
      0,
    )
    expect(logged.filter(({ wire }) => wire === 'graph').map(({ operation }) => operation)).toEqual(
      ['GET users', 'GET users'],
    )
    const one = objects[5]
    expect(await wire.get(model, String(one?.data.id), signal)).toEqual(one)
    expect(await wire.get(model, '00000000-0000-4000-8000-000000000000', signal)).toBeUndefined()
  })

  it('signs in with a certificate', async () => {
    const credentials = {
      certificate: {
        privateKeyPem: new Sealed(certificate.keyPem),
        certificatePem: certificate.certificatePem,
      },
    }
    const facts = await readOrganization(transportFor(access, credentials), clock, signal)
    expect(facts).toMatchObject({ id: access.tenantId, displayName: access.displayName })
    expect(facts.domains.some(({ name }) => name === access.domain)).toBe(true)
  })

  it('says what is wrong with other credentials', async () => {
    const wrong = { clientSecret: new Sealed('wrong') }
    await expect(
      readOrganization(transportFor(access, wrong), clock, signal),
    ).rejects.toMatchObject({ code: 'credentials-rejected', foreignCode: 'AADSTS7000215' })
    const foreign = createIdentity('x')
    const unknown = {
      certificate: {
        privateKeyPem: new Sealed(foreign.keyPem),
        certificatePem: foreign.certificatePem,
      },
    }
    await expect(
      readOrganization(transportFor(access, unknown), clock, signal),
    ).rejects.toMatchObject({ code: 'credentials-rejected', foreignCode: 'AADSTS700027' })
  })

  it('reads licences, groups and their members', async () => {
    const wire = createGraphWire(transportFor())
    expect(
      (await listAll(wire, modelNamed('device/msgraph/MsolAccountSku'))).length,
    ).toBeGreaterThan(0)
    const model = modelNamed('device/msgraph/Groups')
    const groups = await listAll(wire, model)
    expect(groups).toHaveLength(access.groups)
    const keys = groups.map(({ data }) => String(data.id))
    const gone = '00000000-0000-4000-8000-000000000000'
    const links = await wire.links(model, [...keys, gone], signal)
    expect([...links.keys()].sort()).toEqual([...keys].sort())
    const members = [...links.values()].reduce((sum, { member }) => sum + (member?.length ?? 0), 0)
    expect(members).toBeGreaterThan(0)
  })

  it('changes a user, and sees just that in the delta', async () => {
    const wire = createGraphWire(transportFor())
    const model = modelNamed('device/msgraph/MSOLUser')
    const since = await wire.deltaNow(model, signal)
    const [, before] = readWhole(await wire.list(model, undefined, signal)).objects
    const id = String(before?.data.id)
    await wire.send(wire.updateCall(model, id, { department: "O'Neil & Söhne" }), signal)
    const changed = await changesSince(wire, model, since)
    expect(changed.removed).toEqual([])
    expect(changed.objects.map(({ data }) => data)).toEqual([
      { ...before?.data, department: "O'Neil & Söhne" },
    ])
    expect((await changesSince(wire, model, changed.resume)).objects).toEqual([])
  })

  it('a removed user is removed in the delta and gone by key', async () => {
    const transport = transportFor()
    const wire = createGraphWire(transport)
    const model = modelNamed('device/msgraph/MSOLUser')
    const since = await wire.deltaNow(model, signal)
    const last = readWhole(await wire.list(model, undefined, signal)).objects.at(-1)
    const id = String(last?.data.id)
    const path = ['users', id]
    await transport.send(
      { wire: 'graph', method: 'DELETE', path, query: {}, body: undefined, cost: 1 },
      { signal },
    )
    expect((await changesSince(wire, model, since)).removed).toEqual([id])
    expect(await wire.get(model, id, signal)).toBeUndefined()
  })

  it('a cursor of one tenant shows nothing of it to another', async () => {
    const [, other] = emulator.tenants
    const model = modelNamed('device/msgraph/MSOLUser')
    const { next = '' } = await createGraphWire(transportFor()).list(model, undefined, signal)
    const page = createGraphWire(transportFor(other)).list(model, next, signal)
    expect(
      await page.then(
        (read) => readWhole(read).objects,
        () => [],
      ),
    ).toEqual([])
  })

  it('finds the tenant by its domain', async () => {
    expect(await lookUpTenantId(egress.exchange, cloud, { name: access.domain })).toBe(
      access.tenantId,
    )
    await expect(
      lookUpTenantId(egress.exchange, cloud, { name: 'nobody.example' }),
    ).rejects.toMatchObject({ code: 'microsoft-not-found' })
  })

  it('reads what a connection test shows', async () => {
    const transport = transportFor()
    const { clientId } = access
    const principal = await readPrincipal(transport, clientId, signal)
    if (principal === undefined || principal === 'unknown') throw new Error('no principal')
    const granted = await readGrantedPermissions(transport, principal.id, signal)
    expect(granted).toContainEqual({ name: 'User.ReadWrite.All', service: 'Microsoft Graph' })
    expect(Array.isArray(await readDirectoryRoles(transport, principal.id, signal))).toBe(true)
    const ends = await readCredentialEnds(transport, clientId, signal)
    if (ends === 'unknown') throw new Error('the credentials are not known')
    expect(ends.map(({ kind }) => kind).sort()).toEqual(['certificate', 'secret'])
    for (const { endsAt } of ends) expect(Date.parse(endsAt)).toBeGreaterThan(clock.now())
  })
})

describe('under faults of the emulated Microsoft 365', () => {
  const faulty = (fault: object) => control('POST', 'faults', { path: '^/v1.0/', ...fault })
  afterEach(() => control('DELETE', 'faults'))

  const passing: [string, object][] = [
    ['throttle', { retryAfter: '2.5' }],
    ['throttle', { retryAfter: null }],
    ['status', { status: 500 }],
    ['status', { status: 503, retryAfter: '1' }],
    ['html-200', {}],
    ['empty-body', {}],
    ['cut-body', {}],
    ['reset-before-headers', {}],
    ['reset-after-headers', {}],
    ['token-refused', {}],
  ]
  it.each(passing)('gets over %s %j', async (name, more) => {
    await faulty({ name, count: 1, ...more })
    const wire = createGraphWire(transportFor())
    const { objects } = readWhole(
      await wire.list(modelNamed('device/msgraph/MSOLUser'), undefined, signal),
    )
    expect(objects).toHaveLength(999)
    expect(logged.filter(({ wire }) => wire === 'graph')).toHaveLength(2)
  })

  const lasting: [string, object, string][] = [
    ['forbidden', {}, 'consent-missing'],
    ['redirect', { value: 'https://evil.example/v1.0/users' }, 'microsoft-refused'],
    ['foreign-next-link', { value: 'https://evil.example/v1.0/users' }, 'microsoft-broken-answer'],
    ['foreign-next-link', { value: 'http://127.0.0.1/v1.0/users' }, 'microsoft-broken-answer'],
    ['gzip-bomb', {}, 'too-large'],
    ['throttle', { retryAfter: '1000000000' }, 'microsoft-throttled'],
    ['token-refused', {}, 'credentials-rejected'],
  ]
  it.each(lasting)('ends at %s %j', async (name, more, code) => {
    await faulty({ name, ...more })
    const wire = createGraphWire(transportFor())
    await expect(
      wire.list(modelNamed('device/msgraph/MSOLUser'), undefined, signal),
    ).rejects.toMatchObject({ code })
  })

  it('names the field to lower where a page is too large', async () => {
    await faulty({ name: 'gzip-bomb' })
    const wire = createGraphWire(transportFor())
    await expect(
      wire.list(modelNamed('device/msgraph/MSOLUser'), undefined, signal),
    ).rejects.toMatchObject({
      code: 'too-large',
      message: expect.stringMatching(/more than \d+ bytes.*smaller pages.*graph\.userPageSize/),
    })
  })

  it('rejects one bad object and keeps the others', async () => {
    await faulty({ name: 'bad-object', count: 1 })
    const wire = createGraphWire(transportFor())
    const list = await wire.list(modelNamed('device/msgraph/MSOLUser'), undefined, signal)
    const page = readWhole(list)
    expect(page.objects).toHaveLength(998)
    expect(page.rejected).toMatchObject([
      { reason: 'displayName is not what the model says it is' },
    ])
  })

  it('asks for a full list when a delta token has expired', async () => {
    const wire = createGraphWire(transportFor())
    const model = modelNamed('device/msgraph/MSOLUser')
    const since = await wire.deltaNow(model, signal)
    await faulty({ name: 'expired-delta-token' })
    await expect(wire.delta(model, since, signal)).rejects.toMatchObject({
      code: 'microsoft-token-expired',
    })
  })

  it('reads all members although half of all calls fail, in no more than 2.5 times the calls', async () => {
    const wire = createGraphWire(transportFor())
    const model = modelNamed('device/msgraph/Groups')
    const keys = (await listAll(wire, model)).map(({ data }) => String(data.id))
    const expected = await wire.links(model, keys, signal)
    logged = []
    for (const [index, status] of [500, 502, 503, 504].entries()) {
      await faulty({ name: 'status', status, probability: 0.125, seed: index })
    }
    const seen = new Map<string, unknown>()
    // As the engine does: a batch that failed for a passing reason is read again.
    for (const key of keys) {
      for (let round = 0; round < 5 && !seen.has(key); round += 1) {
        const links = await wire.links(model, [key], signal).catch((error: AppError) => {
          if (!error.retryable) throw error
          return new Map()
        })
        for (const [found, value] of links) seen.set(found, value)
      }
    }
    expect(seen).toEqual(expected)
    expect(logged.length).toBeLessThanOrEqual(2.5 * keys.length * 2)
    expect(logged.length).toBeGreaterThan(keys.length * 2.5)
  })
})
