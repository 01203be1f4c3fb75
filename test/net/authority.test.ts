import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClouds } from '../../src/connectors/microsoft/clouds.ts'
import { AppError } from '../../src/core/errors.ts'
import { authorityProblem } from '../../src/features/tenants/authority.ts'
import { connectTenant } from '../../src/features/tenants/connect.ts'
import { createTenant, readTenant } from '../../src/features/tenants/tenants.ts'
import { createEgress } from '../../src/net/egress.ts'
import { createIdentity, serveTls, type TestServer } from '../connectors/tlsServer.ts'
import { addNode, type Bench, failureOf, openBench, provider } from '../features/support.ts'

const authority = createIdentity('Contoso Root', { authority: true })
const now = Date.now()

describe('the certification authority of a tenant', () => {
  const past = new Date(now - 60_000)
  const bad: [string, string, RegExp][] = [
    ['nothing in PEM', 'hello', /no certificate/],
    ['a private key beside it', `${authority.certificatePem}${authority.keyPem}`, /private key/],
    ['a certificate of a server', createIdentity('x', {}).certificatePem, /not of a certification/],
    [
      'one that expired',
      createIdentity('Old', { authority: true, notAfter: past }).certificatePem,
      /expired on/,
    ],
    [
      'a short key',
      createIdentity('Short', { authority: true, bits: 1024 }).certificatePem,
      /1024 bits/,
    ],
    [
      'SHA-1',
      createIdentity('Weak', { authority: true, digest: 'sha1' }).certificatePem,
      /SHA-256 or longer/,
    ],
    ['words around it', `trust me\n${authority.certificatePem}`, /nothing beside/],
    [
      'another block',
      `${authority.certificatePem}-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n`,
      /nothing beside/,
    ],
    ['a chain of 50', authority.certificatePem.repeat(50), /more than 10/],
    [
      'what only looks like one',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      /cannot be read/,
    ],
    [
      'one good and one bad',
      `${authority.certificatePem}${createIdentity('x', {}).certificatePem}`,
      /not of/,
    ],
  ]

  test.each(bad)('C5: may not be %s', (_what, pem, words) => {
    expect(authorityProblem(pem, now)).toMatch(words)
  })

  test('C5: may be one, or several', () => {
    const other = createIdentity('Fabrikam Root', { authority: true })
    expect(authorityProblem(authority.certificatePem, now)).toBeUndefined()
    expect(authorityProblem(authority.certificatePem + other.certificatePem, now)).toBeUndefined()
  })
})

describe('at work', () => {
  let bench: Bench
  let server: TestServer
  const identity = createIdentity('inside', { issuer: authority, names: ['127.0.0.1'] })

  beforeAll(async () => {
    bench = await openBench()
    server = await serveTls(identity, (_, response) => response.end('{}'))
  })
  afterAll(async () => {
    await server.close()
    await bench.close()
  })

  async function attach(caCertificate?: string) {
    const name = randomUUID().slice(0, 20)
    const node = await addNode(bench, 1, 'customer', name)
    const origin = `https://127.0.0.1:${server.port}`
    const scope = 'https://graph.microsoft.com/.default'
    const reached = { allowedAddresses: ['127.0.0.0/8'] }
    const clouds = createClouds([
      { name: 'inside', login: origin, graph: origin, scope, ...reached },
    ])
    const surroundings = { clouds, proxies: {} }
    const lookUpTenantId = async () => {
      throw new AppError('microsoft-not-found', 'There is no such tenant.')
    }
    const [tenantId, clientId] = [randomUUID(), randomUUID()]
    const graph = { cloud: 'inside', tenantId, clientId, clientSecret: 'x' }
    const tenant = await createTenant(
      provider,
      bench.store,
      { ...surroundings, lookUpTenantId },
      { nodeId: node.id, name, graph: { ...graph, ...(caCertificate && { caCertificate }) } },
    )
    return { tenant, surroundings, origin }
  }

  /** What a call to the tenant's Graph comes to. */
  async function call({ tenant, surroundings, origin }: Awaited<ReturnType<typeof attach>>) {
    const place = { tenantId: tenant.id, scope: tenant.nodePath }
    const { application } = await connectTenant(bench.store, surroundings, place)
    const { ca, allowedAddresses } = application.cloud
    const egress = createEgress(async () => [])
    try {
      const { status } = await egress.exchange({
        destination: {
          ...{ origins: [origin], ...(ca && { ca }) },
          ...(allowedAddresses && { allowedAddresses }),
        },
        ...{ method: 'GET', url: new URL(origin), headers: {} },
      })
      return String(status)
    } catch (error) {
      return String(error)
    } finally {
      await egress.close()
    }
  }

  test('G6: is trusted for its tenant and for no other, and is shown', async () => {
    const trusting = await attach(authority.certificatePem)
    const other = await attach()
    expect(await call(trusting)).toBe('200')
    expect(await call(other)).toMatch(/authority not trusted here|not trusted/)
    const { graph } = await readTenant(provider, bench.store, trusting.tenant.id)
    expect(graph.caCertificate).toBe(authority.certificatePem.trim())
  })

  test('C5: is refused naming its field', async () => {
    const failure = await failureOf(attach(`${authority.certificatePem}${authority.keyPem}`))
    expect(failure.fields.map(({ field }) => field)).toEqual(['body.graph.caCertificate'])
    expect(failure.message).not.toContain('BEGIN')
  })
})
