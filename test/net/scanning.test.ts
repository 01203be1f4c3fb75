import { randomUUID } from 'node:crypto'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Clouds, createClouds } from '../../src/connectors/microsoft/clouds.ts'
import type { Clock } from '../../src/core/clock.ts'
import { AppError } from '../../src/core/errors.ts'
import { limits } from '../../src/core/limits.ts'
import { createMicrosoft, type Microsoft } from '../../src/features/connections/microsoft.ts'
import {
  addSecond,
  type SecondDependencies,
  testSecond,
} from '../../src/features/credentials/second.ts'
import { forbidTarget } from '../../src/features/egress/policy.ts'
import { createTenant, readTenant } from '../../src/features/tenants/tenants.ts'
import {
  createConnectionTest,
  type TestConnection,
} from '../../src/features/tenants/testConnection.ts'
import { createTestPace } from '../../src/features/tenants/testPace.ts'
import { createEgress, type Egress } from '../../src/net/egress.ts'
import { listAudit } from '../../src/store/audit.ts'
import { inScope } from '../../src/store/scope.ts'
import { createIdentity, serveTls, type TestServer } from '../connectors/tlsServer.ts'
import {
  actorAt,
  addNode,
  type Bench,
  failureOf,
  openBench,
  provider,
} from '../features/support.ts'
import { systemClock } from '../store/testing.ts'

const proxies = { allowedAddresses: ['127.0.0.0/8'] }
const hasty = { connectMs: 300, headersMs: 300, bodyIdleMs: 300, exchangeMs: 1_500 }
const patient = new AbortController().signal

let bench: Bench
let egress: Egress
let clouds: Clouds
let testConnection: TestConnection
let second: SecondDependencies
let now = systemClock.now()
/** Waits for nobody: the time that was to be waited is counted. */
let waited: number[] = []
const clock: Clock = {
  now: () => now,
  sleep: async (ms) => {
    waited.push(ms)
  },
}
const open: (Server | TestServer)[] = []

beforeAll(async () => {
  bench = await openBench()
  egress = createEgress(async (host) => {
    if (host === 'unknown.test') throw Object.assign(new Error('no name'), { code: 'ENOTFOUND' })
    if (host === 'filtered.test') return await new Promise(() => {})
    if (host === 'internal.test') return [{ address: '10.1.2.3', family: 4 }]
    return [{ address: '127.0.0.1', family: 4 }]
  }, hasty)
  const origin = 'https://127.0.0.1:9'
  const scope = 'https://graph.microsoft.com/.default'
  clouds = createClouds([{ name: 'away', login: origin, graph: origin, scope, ...proxies }])
  const { exchange } = egress
  const store = { ...bench.store, clock }
  const takePlace = createTestPace(clock)
  const surroundings = { clouds, proxies }
  const microsoft = createMicrosoft({ egress, clouds, clock, random: () => 0, log: () => {} })
  testConnection = createConnectionTest({
    ...{ store, exchange, surroundings, microsoft, takePlace },
  })
  const lookUpTenantId = async () => {
    throw new AppError('microsoft-not-found', 'There is no such tenant.')
  }
  const directory = { ...surroundings, lookUpTenantId }
  second = { store, directory, surroundings, takePlace, tokens: microsoft.tokens }
})
afterAll(async () => {
  await egress.close()
  await Promise.all(open.map((server) => server.close()))
  await bench.close()
})

async function listening(server: Server): Promise<string> {
  open.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A server bound to a port always has an AddressInfo.
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** What somebody who looks for open ports would name, each as it shows in a network. */
async function targets(): Promise<Record<string, string>> {
  const refusing = createHttpServer((_, response) => response.writeHead(403).end('no'))
  refusing.on('connect', (_, socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'))
  const secure = await serveTls(createIdentity('x', { names: ['127.0.0.1'] }), (_, answer) =>
    answer.end(),
  )
  open.push(secure)
  return {
    closed: 'http://127.0.0.1:9999',
    'open and silent': `http://${await listening(createServer(() => {}))}`,
    'open, cutting at once': `http://${await listening(createServer((socket) => socket.destroy()))}`,
    'open, speaking first': `http://${await listening(createServer((socket) => socket.end('220 smtp\r\n')))}`,
    'a web server': `http://${await listening(createHttpServer((_, answer) => answer.end('hi')))}`,
    'a proxy that refuses': `http://${await listening(refusing)}`,
    'TLS behind https': `https://127.0.0.1:${secure.port}`,
    'TLS behind http': `http://127.0.0.1:${secure.port}`,
    'no TLS behind https': `https://${await listening(createServer((socket) => socket.end('220\r\n')))}`,
    filtered: 'http://filtered.test:3128',
    unknown: 'http://unknown.test:3128',
    internal: 'http://internal.test:3128',
  }
}

let count = 0

/** The same with a second credential beside the first. */
async function attachSecond(proxy: string): Promise<{ id: number }> {
  const { id } = await attach(proxy)
  await addSecond(provider, second, id, { secret: 'y' })
  return { id }
}

async function attach(proxy: string): Promise<{ id: number; nodeId: number; nodePath: string }> {
  count += 1
  const node = await addNode(bench, 1, 'customer', `Customer ${count}`)
  const [tenantId, clientId] = [randomUUID(), randomUUID()]
  return await createTenant(provider, bench.store, second.directory, {
    ...{ nodeId: node.id, name: `Tenant ${count}` },
    graph: { cloud: 'away', tenantId, clientId, clientSecret: 'x', proxy },
  })
}

/** Asks where no proxy ever answers: says the one thing, and not before the one time. */
async function heldUp(
  ask: (exchange: Egress['exchange'], microsoft: Microsoft) => Promise<string | undefined>,
): Promise<void> {
  const slow = createEgress(async () => await new Promise(() => {}), {
    ...{ connectMs: 60_000, headersMs: 60_000, bodyIdleMs: 60_000, exchangeMs: 60_000 },
  })
  const { proxyCheckMs } = limits
  Object.assign(limits, { proxyCheckMs: 2_000 })
  const began = systemClock.now()
  try {
    const microsoft = createMicrosoft({
      ...{ egress: slow, clouds, clock: systemClock, random: () => 0, log: () => {} },
    })
    const message = await ask(slow.exchange, microsoft)
    expect(message).toContain('could not be reached through the proxy of this tenant')
    expect(systemClock.now() - began).toBeGreaterThanOrEqual(limits.proxyCheckMs)
  } finally {
    Object.assign(limits, { proxyCheckMs })
    await slow.close()
  }
}

describe('Test Connection as a scanner', () => {
  test("G5: says the same after the same time, whatever a proxy's address leads to", async () => {
    waited = []
    const seen: Record<string, string> = {}
    for (const [what, proxy] of Object.entries(await targets())) {
      const { id } = await attach(proxy)
      const asked = { tenantId: id, confirm: true }
      const {
        tenantId: _,
        checkedAt: __,
        ...report
      } = await testConnection(actorAt('1.', undefined, what), asked, patient)
      const [connection] = (await readTenant(provider, bench.store, id)).connections
      seen[what] = JSON.stringify([report, connection?.state, connection?.message])
    }
    expect(Object.keys(seen)).toHaveLength(12)
    // The clock stood still, so that each waited all of the time.
    expect(waited).toEqual(Object.keys(seen).map(() => limits.proxyCheckMs))
    expect([...new Set(Object.values(seen))]).toHaveLength(1)
    expect(seen.closed).toContain('could not be reached through the proxy of this tenant')
    expect(seen.closed).not.toMatch(/ECONN|refused|timed out|time limit|certificate/)
  })

  test('G5: gives up on a proxy that holds it, in the same words and the same time', async () => {
    const { id: tenantId } = await attach('http://filtered.test:3128')
    await heldUp(async (exchange, microsoft) => {
      const ask = createConnectionTest({
        ...{ store: bench.store, exchange, surroundings: { clouds, proxies } },
        ...{ takePlace: createTestPace(systemClock), microsoft },
      })
      const { steps } = await ask(provider, { tenantId, confirm: true }, patient)
      return steps[0]?.message
    })
  })

  test('G5: answers so many questions a minute about one tenant, and tells when to come', async () => {
    const { id: tenantId } = await attach('http://127.0.0.1:9999')
    const asked = { tenantId, confirm: true }
    for (let turn = 0; turn < limits.connectionTestsPerTenant; turn += 1) {
      await testConnection(actorAt('1.', undefined, `tenant ${turn}`), asked, patient)
    }
    now += 1_000
    const { code, status, retryAfterMs } = await failureOf(testConnection(provider, asked, patient))
    expect([code, status, retryAfterMs]).toEqual(['too-many-requests', 429, 59_000])
    const other = await attach('http://127.0.0.1:9999')
    await testConnection(provider, { tenantId: other.id, confirm: true }, patient)
    now += 59_000
    await testConnection(provider, asked, patient)
  })

  test('G5: answers so many questions a minute of one person, about whatever tenants', async () => {
    const eve = actorAt('1.', undefined, 'Eve')
    const perTenant = limits.connectionTestsPerTenant
    const tenants = await Promise.all(
      Array.from({ length: limits.connectionTestsPerActor / perTenant + 1 }, () =>
        attach('http://127.0.0.1:9999'),
      ),
    )
    let answered = 0
    let refused: AppError | undefined
    for (const { id: tenantId } of tenants) {
      for (let turn = 0; turn < perTenant && refused === undefined; turn += 1) {
        const work = testConnection(eve, { tenantId, confirm: true }, patient)
        refused = await work.then(
          () => undefined,
          (error: AppError) => error,
        )
        if (refused === undefined) answered += 1
      }
    }
    expect([answered, refused?.code]).toEqual([limits.connectionTestsPerActor, 'too-many-requests'])
  })

  test('G5: is on record before and after, with who asked', async () => {
    const { id: tenantId, nodePath } = await attach('http://127.0.0.1:9999')
    const mallory = actorAt('1.', undefined, 'Mallory')
    await testConnection(mallory, { tenantId, confirm: true }, patient)
    const entries = await inScope(bench.store.db, nodePath, (tx) => listAudit(tx))
    const found = entries.filter(({ action }) => action.startsWith('tenant.test'))
    expect(found.map(({ action, actor }) => [action, actor.name])).toEqual([
      ['tenant.tested', 'Mallory'],
      ['tenant.test', 'Mallory'],
    ])
  })
})

describe('testing a second credential, as a scanner', () => {
  test("G5: says the same after the same time, whatever a proxy's address leads to", async () => {
    const seen: Record<string, string> = {}
    const rested: Record<string, number | undefined> = {}
    for (const [what, proxy] of Object.entries(await targets())) {
      const { id } = await attachSecond(proxy)
      waited = []
      const asker = actorAt('1.', undefined, `second ${what}`)
      seen[what] = JSON.stringify(await testSecond(asker, second, id, patient))
      rested[what] = waited.at(-1)
    }
    expect(Object.keys(seen)).toHaveLength(12)
    // The clock stood still, so that each waited all of the time, the token's own waits aside.
    expect(new Set(Object.values(rested))).toEqual(new Set([limits.proxyCheckMs]))
    expect([...new Set(Object.values(seen))]).toHaveLength(1)
    expect(seen.closed).toContain('could not be reached through the proxy of this tenant')
    expect(seen.closed).not.toMatch(/ECONN|refused|timed out|time limit|certificate/)
  })

  test('G5: gives up on a proxy that holds it, in the same words and the same time', async () => {
    const { id } = await attachSecond('http://filtered.test:3128')
    await heldUp(async (_, { tokens }) => {
      const patiently = { ...second, store: bench.store, tokens }
      return (await testSecond(provider, patiently, id, patient)).message
    })
  })

  test('G5: answers so many questions a minute about one tenant, and by one person', async () => {
    const { id } = await attachSecond('http://127.0.0.1:9999')
    const ask = (who: string, tenantId = id) =>
      testSecond(actorAt('1.', undefined, who), second, tenantId, patient)
    for (let turn = 0; turn < limits.connectionTestsPerTenant; turn += 1) await ask(`of ${turn}`)
    now += 1_000
    const { code, retryAfterMs } = await failureOf(ask('another'))
    expect([code, retryAfterMs]).toEqual(['too-many-requests', 59_000])
    const audit = await inScope(bench.store.db, '1.', (tx) => listAudit(tx, { tenantId: id }))
    const tests = audit.filter(({ action }) => action === 'credential.test')
    expect(tests).toHaveLength(limits.connectionTestsPerTenant)
    now += 59_000
    await ask('another')
    const { connectionTestsPerActor: most, connectionTestsPerTenant: each } = limits
    for (let of = 0; of < most / each; of += 1) {
      const other = await attachSecond('http://127.0.0.1:9999')
      for (let turn = 0; turn < each; turn += 1) await ask('Eve', other.id)
    }
    const fresh = await attachSecond('http://127.0.0.1:9999')
    expect((await failureOf(ask('Eve', fresh.id))).code).toBe('too-many-requests')
  })
})

describe('a list', () => {
  test('G1: that was narrowed later holds for a proxy that was typed before', async () => {
    let connections = 0
    const server = createServer((socket) => {
      connections += 1
      socket.destroy()
    })
    const { id, nodeId } = await attach(`http://${await listening(server)}`)
    const ask = () => testConnection(provider, { tenantId: id, confirm: true }, patient)
    now += limits.connectionTestWindowMs
    await ask()
    const before = connections
    expect(before).toBeGreaterThan(0)
    await forbidTarget(provider, bench.store.db, proxies, { nodeId, target: '127.0.0.0/8' })
    const { steps } = await ask()
    expect(steps[0]?.message).toContain('could not be reached through the proxy')
    expect(connections).toBe(before)
  })
})
