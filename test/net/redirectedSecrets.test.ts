import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Clouds, createClouds } from '../../src/connectors/microsoft/clouds.ts'
import type { Clock } from '../../src/core/clock.ts'
import { AppError } from '../../src/core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../src/core/json.ts'
import { createCertificate } from '../../src/features/certificates/certificates.ts'
import { createMicrosoft } from '../../src/features/connections/microsoft.ts'
import { type FieldPath, tenantFields } from '../../src/features/tenants/fields.ts'
import { createTenant, readTenant } from '../../src/features/tenants/tenants.ts'
import {
  createConnectionTest,
  type TestConnection,
} from '../../src/features/tenants/testConnection.ts'
import { createTestPace } from '../../src/features/tenants/testPace.ts'
import { updateTenant } from '../../src/features/tenants/updateTenant.ts'
import { createEgress, type Egress } from '../../src/net/egress.ts'
import { actorAt, addNode, type Bench, openBench, provider } from '../features/support.ts'
import { formsOf, makeCanary } from '../journeys/canaries.ts'
import { systemClock } from '../store/testing.ts'
import { type Attacker, startAttacker } from './attacker.ts'

type Fields = Record<string, Json>

/** Hosts of Microsoft's whose names the attacker's proxy answers under. */
const microsoft = ['login.microsoftonline.com', 'graph.microsoft.com']
const proxies = { allowedAddresses: ['127.0.0.0/8'] }

/** Secrets, and choices by which one is used, each with a value that stands for it. */
const secrets: Record<string, () => Json> = {
  ...Object.fromEntries(
    tenantFields
      .filter(({ stored }) => stored === 'secret')
      .map(({ path }) => [path, () => makeCanary(path).text]),
  ),
  'graph.certificateId': () => certificates[0] ?? 0,
  'graph.secondCertificateId': () => certificates[1] ?? 0,
}

/** What says where a secret goes: every address, and who and what is spoken to, and who vouches. */
const places: FieldPath[] = [
  ...tenantFields.filter(({ address }) => address !== undefined).map(({ path }) => path),
  ...(['graph.cloud', 'graph.tenantId', 'graph.clientId', 'graph.caCertificate'] as const),
]

/** At whose change each secret has to be given anew. It is sent to none of the others. */
const graphPlaces = [
  ...['graph.caCertificate', 'graph.clientId', 'graph.cloud', 'graph.proxy', 'graph.secureProxy'],
  'graph.tenantId',
]
const tied: Record<string, string[]> = {
  'graph.certificateId': graphPlaces,
  'graph.clientSecret': graphPlaces,
  'graph.secondCertificateId': graphPlaces,
  'graph.secondClientSecret': graphPlaces,
  'httpProxy.password': ['powershell.host'],
  'powershell.password': ['powershell.host'],
  'teams.adminPassword': ['graph.cloud', 'graph.tenantId', 'powershell.host'],
}

/** What a proxy's trouble looks like is told after twelve seconds, which say nothing here. */
const hurried: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms / 50, signal),
}

let bench: Bench
let attacker: Attacker
let egress: Egress
let clouds: Clouds
let testConnection: TestConnection
let certificates: number[] = []

beforeAll(async () => {
  bench = await openBench()
  attacker = await startAttacker(microsoft)
  egress = createEgress(async (host) => {
    if (host === 'evil.test') return [{ address: '127.0.0.1', family: 4 }]
    throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
  })
  clouds = createClouds([attacker.cloud('elsewhere')])
  const { exchange } = egress
  const clock = systemClock
  testConnection = createConnectionTest({
    ...{ store: { ...bench.store, clock: hurried }, exchange, surroundings: { clouds, proxies } },
    takePlace: createTestPace(hurried),
    microsoft: createMicrosoft({ egress, clouds, clock, random: () => 0, log: () => {} }),
  })
  for (const name of ['first', 'second']) {
    const input = { nodeId: 1, name, commonName: name, keyBits: 2048 as const }
    certificates.push((await createCertificate(provider, bench.store, input)).id)
  }
})
afterAll(async () => {
  certificates = []
  await egress.close()
  await attacker.close()
  await bench.close()
})
beforeEach(() => attacker.forget())

const directory = () => ({
  ...{ clouds, proxies },
  lookUpTenantId: async () => {
    throw new AppError('microsoft-not-found', 'There is no such tenant.')
  },
})

function grouped(fields: Fields): JsonObject {
  const groups: JsonObject = {}
  for (const [path, value] of Object.entries(fields)) {
    const [group = '', name = ''] = path.split('.')
    const members = groups[group]
    groups[group] = { ...(isJsonObject(members) && members), [name]: value }
  }
  return groups
}

/** Every secret that fits beside `wanted`: of the two second credentials there is one. */
function secretsBeside(wanted: string): string[] {
  const left =
    wanted === 'graph.secondCertificateId'
      ? 'graph.secondClientSecret'
      : 'graph.secondCertificateId'
  return Object.keys(secrets).filter((path) => path !== left)
}

/** Somebody new each time: how often a person tests connections is bounded. */
const somebody = () => actorAt('1.', undefined, randomUUID())

async function attach(wanted: string): Promise<{ id: number; given: Fields }> {
  const name = randomUUID()
  const node = await addNode(bench, 1, 'customer', name)
  const given: Fields = Object.fromEntries(
    secretsBeside(wanted).map((path) => [path, secrets[path]?.() ?? null]),
  )
  const input = grouped({
    ...{ 'graph.cloud': 'global', 'graph.tenantId': randomUUID(), 'graph.clientId': randomUUID() },
    ...{ 'powershell.mode': 'windows-proxy', 'powershell.host': 'home.test' },
    ...{ 'powershell.username': 'svc', 'teams.enabled': true, 'teams.adminUsername': 'a@x.com' },
    ...{ 'httpProxy.use': true, 'httpProxy.authenticate': true, 'httpProxy.username': 'u' },
    ...given,
  })
  const { id } = await createTenant(provider, bench.store, directory(), {
    ...{ nodeId: node.id, name: name.slice(0, 20) },
    ...input,
  })
  return { id, given }
}

/** Where the attacker would have it sent. */
function evil(place: FieldPath): Fields {
  const field = tenantFields.find(({ path }) => path === place)
  if (place === 'graph.secureProxy') return { [place]: `http://eve:evil@${attacker.proxy}` }
  if (field?.address === 'proxy') return { [place]: `http://${attacker.proxy}` }
  if (field?.address !== undefined) return { [place]: 'evil.test' }
  if (place === 'graph.caCertificate') return { [place]: attacker.authorityPem }
  return { [place]: place === 'graph.cloud' ? 'elsewhere' : randomUUID() }
}

async function change(id: number, fields: Fields): Promise<string[]> {
  try {
    await updateTenant(provider, bench.store, directory(), id, grouped(fields))
    return []
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'bad-input') throw error
    return error.fields.map(({ field }) => field.replace('body.', ''))
  }
}

async function holds(id: number, path: string): Promise<boolean> {
  const tenant = await readTenant(provider, bench.store, id)
  const [group = '', name = ''] = path.split('.')
  const value: unknown = Reflect.get(Reflect.get(tenant, group) ?? {}, name)
  return isJsonObject(value) ? value.set === true : value !== null
}

/** In which forms of it a secret came to the attacker. */
function leaks(secret: Json | undefined): string[] {
  const heard = attacker.received()
  if (typeof secret !== 'string') return heard.includes('client_assertion=') ? ['a proof'] : []
  return formsOf(secret)
    .filter(([, needle]) => heard.includes(needle))
    .map(([form]) => form)
}

async function signIn(id: number): Promise<void> {
  await testConnection(somebody(), { tenantId: id, confirm: true }, new AbortController().signal)
}

test('E3: every secret and every address is in the table', () => {
  expect(Object.keys(secrets).sort()).toEqual(Object.keys(tied).sort())
  expect(places.length).toBeGreaterThanOrEqual(7)
})

describe.each(Object.keys(tied))('the secret %s', (secret) => {
  test.each(places)('E3: does not follow a change of %s', async (place) => {
    const { id, given } = await attach(secret)
    const others = secretsBeside(secret).filter((path) => path !== secret)
    const anew = Object.fromEntries(others.map((path) => [path, secrets[path]?.() ?? null]))
    const refused = await change(id, { ...evil(place), ...anew })
    if (refused.length > 0) {
      expect(refused).toEqual([secret])
      // Without the others it is refused, too: giving them anew is no key to this one.
      expect(await change(id, evil(place))).toContain(secret)
    }
    const stays = refused.length === 0 && (await holds(id, secret))
    expect(stays).toBe(!tied[secret]?.includes(place))
    attacker.forget()
    await signIn(id)
    expect(leaks(given[secret])).toEqual([])
  })
})

describe('a man in the middle', () => {
  const inTheMiddle = () => ({ ...evil('graph.proxy'), ...evil('graph.caCertificate') })

  test('E3: given to him by its owner a secret does arrive: the tests would see it', async () => {
    const { id } = await attach('graph.clientSecret')
    const clientSecret = makeCanary('anew').text
    const fields = { ...inTheMiddle(), 'graph.clientSecret': clientSecret }
    expect(await change(id, fields)).toEqual([])
    await signIn(id)
    expect(leaks(clientSecret)).toContain('form')
  })

  test('E3: gets neither a secret nor a proof, in one step or in several', async () => {
    for (const credential of ['graph.clientSecret', 'graph.certificateId']) {
      const { id, given } = await attach(credential)
      const other =
        credential === 'graph.clientSecret' ? 'graph.certificateId' : 'graph.clientSecret'
      const second = { 'graph.secondClientSecret': null }
      await change(id, { [other]: null, 'exchange.enabled': false, ...second })
      expect(await change(id, inTheMiddle())).toContain(credential)
      expect(await change(id, evil('graph.proxy'))).toContain(credential)
      expect(await change(id, evil('graph.caCertificate'))).toContain(credential)
      await signIn(id)
      expect(leaks(given[credential])).toEqual([])
    }
  })

  test('E3: who ends a way of their own need not give the secret anew', async () => {
    const { id, given } = await attach('graph.clientSecret')
    const clientSecret = given['graph.clientSecret'] ?? null
    const anew = { 'graph.clientSecret': clientSecret, 'graph.certificateId': certificates[0] ?? 0 }
    expect(await change(id, { ...evil('graph.proxy'), ...anew })).toEqual([])
    expect(await change(id, { 'graph.proxy': null })).toEqual([])
    expect(await holds(id, 'graph.clientSecret')).toBe(true)
    expect(await change(id, evil('graph.proxy'))).toEqual([
      'graph.clientSecret',
      'graph.certificateId',
    ])
  })

  test('E3: the password of a proxy stays with its host', async () => {
    const { id } = await attach('graph.clientSecret')
    const password = makeCanary('proxy', '').text
    const all = Object.fromEntries(
      secretsBeside('graph.clientSecret').map((path) => [path, secrets[path]?.() ?? null]),
    )
    const home = `http://joe:${password}@home-proxy.test:3128`
    expect(await change(id, { 'graph.secureProxy': home, ...all })).toEqual([])
    for (const text of [`http://***@${attacker.proxy}/`, `http://${attacker.proxy}`]) {
      expect(await change(id, { 'graph.secureProxy': text, ...all })).toEqual(['graph.secureProxy'])
    }
    const moved = { ...evil('graph.secureProxy'), ...all }
    expect(await change(id, moved)).toEqual([])
    await signIn(id)
    expect(attacker.received()).toContain(Buffer.from('eve:evil').toString('base64'))
    expect(leaks(password)).toEqual([])
  })
})
