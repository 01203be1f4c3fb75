import net from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { api } from '../../src/contract/api.ts'
import { routesOf } from '../../src/contract/route.ts'
import { type AddressKind, addressKinds } from '../../src/core/addressKind.ts'
import { isJsonObject, type JsonObject } from '../../src/core/json.ts'
import { beginning, reachOf } from '../../src/features/egress/reach.ts'
import { tenantFields } from '../../src/features/tenants/fields.ts'
import type { Reach } from '../../src/net/destination.ts'
import type { Lookup } from '../../src/net/dispatcher.ts'
import { createEgress } from '../../src/net/egress.ts'
import { type Endpoint, parseEndpoint } from '../../src/net/endpoint.ts'
import { defaultRules, type EgressRule } from '../../src/net/policy.ts'
import { type Field, fieldsOf } from '../contract/fields.ts'
import { openSender, type Sender } from '../contract/sender.ts'
import { startTestPatchbay, type TestPatchbay } from '../server/patchbay.ts'
import { hostileHosts, hostileTexts, metacharacters, refusedAddresses } from './hostileAddresses.ts'

interface AddressField extends Field {
  route: string
  kind: AddressKind
}

/** Every field of a request that becomes an address, as the contract marks it. */
const fields: AddressField[] = routesOf(api).flatMap((route) =>
  fieldsOf(route).flatMap((field) => {
    const kind = kindOf(field.schema)
    return kind === undefined ? [] : [{ ...field, route: route.name, kind }]
  }),
)

/** The mark stands on the text itself, which stands within the union of a nullable field. */
function kindOf({ address, anyOf }: JsonObject): AddressKind | undefined {
  const own = addressKinds.find((kind) => kind === address)
  const inner = Array.isArray(anyOf) ? anyOf.filter(isJsonObject).map(kindOf) : []
  return own ?? inner.find((kind) => kind !== undefined)
}

/** What reads like an address, and why no request goes there. */
const neverCalled: Readonly<Record<string, string>> = {
  issuer: 'compared with the OpenID providers of the configuration, which alone are called',
  redirectUri: "where the person's own browser goes on, on their own machine",
}

let patchbay: TestPatchbay
let sender: Sender
let nodeId: number
let tenantId: number

const guid = '00000000-0000-4000-8000-00000000000f'
const graph = { tenantId: guid, clientId: guid, clientSecret: 'x' }

/** A request that is right but for the address. A route with a new one has to be added here. */
const requests: Record<string, () => { path: string; body: JsonObject }> = {
  'tenant.create': () => ({ path: '/v1/tenants', body: { nodeId, name: 'New', graph } }),
  'tenant.update': () => ({ path: `/v1/tenants/${tenantId}`, body: { graph } }),
  'alert.add': () => ({ path: '/v1/alert-targets', body: { nodeId } }),
}

beforeAll(async () => {
  patchbay = await startTestPatchbay({ role: 'api' })
  sender = openSender(patchbay.url, patchbay.token)
  const customer = await post('/v1/nodes', { parentId: 1, kind: 'customer', name: 'Free' })
  nodeId = Number(customer.json.id)
  const site = await post('/v1/nodes', { parentId: nodeId, kind: 'site', name: 'Taken' })
  const attached = { nodeId: Number(site.json.id), name: 'Taken' }
  const other = guid.replace('f', 'e')
  const own = { tenantId: other, clientId: other, clientSecret: 'x' }
  tenantId = Number((await post('/v1/tenants', { ...attached, graph: own })).json.id)
})
afterAll(async () => {
  await sender.close()
  await patchbay.close()
})
afterEach(() => vi.restoreAllMocks())

function post(path: string, body: JsonObject, method = 'POST') {
  return sender.send({ method, path, body: JSON.stringify(body) })
}

async function send({ route, path }: AddressField, text: string) {
  const request = requests[route]?.()
  if (request === undefined) throw new Error(`there is no request for ${route}`)
  const body = structuredClone(request.body)
  let at: JsonObject = body
  for (const name of path.slice(0, -1)) {
    const inner = at[name]
    const next: JsonObject = isJsonObject(inner) ? inner : {}
    at[name] = next
    at = next
  }
  at[path.at(-1) ?? ''] = text
  return await post(request.path, body, route.endsWith('.update') ? 'PATCH' : 'POST')
}

/** The host as a field of this kind has it. */
function textOf(kind: AddressKind, host: string, name = ''): string {
  if (kind === 'windows-computer') return host
  // Without user and password it would be refused for that.
  if (name.endsWith('secureProxy')) return `http://u:p@${host}:3128`
  return kind === 'proxy' ? `http://${host}:3128` : `https://${host}/hook`
}

/** What somebody in this process connects to, but for our own server and its database. */
function spyOnConnects(): string[] {
  const known = [new URL(patchbay.url).port, new URL(patchbay.databaseUrl.reveal()).port]
  const targets: string[] = []
  const connect = net.Socket.prototype.connect
  vi.spyOn(net.Socket.prototype, 'connect').mockImplementation(function (
    this: net.Socket,
    ...given: unknown[]
  ) {
    // A name was resolved, and what it gave was let through: now a packet leaves.
    this.on('connectionAttempt', (address: string, port: number) => {
      if (!known.includes(String(port))) targets.push(`${address}:${port}`)
    })
    // The overloads of connect are what the caller chose among.
    return Reflect.apply(connect, this, given)
  })
  return targets
}

describe('fields that become addresses', () => {
  test('G1: are marked in the contract, each of them', () => {
    expect(fields.map(({ route, name, kind }) => `${route} ${name} ${kind}`).sort()).toEqual(
      [
        ...['tenant.create', 'tenant.update'].flatMap((route) => [
          `${route} body.graph.proxy proxy`,
          `${route} body.graph.secureProxy proxy`,
          `${route} body.powershell.host windows-computer`,
        ]),
        'alert.add body.webhook webhook',
      ].sort(),
    )
    const looksLikeOne = /url|uri|host|proxy|endpoint|issuer|server|address|webhook/i
    const others = routesOf(api).flatMap((route) =>
      fieldsOf(route)
        .filter(({ part, path }) => part === 'body' && looksLikeOne.test(path.at(-1) ?? ''))
        .filter(({ schema }) => kindOf(schema) === undefined && schema.type !== 'object')
        .map(({ path }) => path.at(-1) ?? ''),
    )
    expect(others.filter((name) => !Object.hasOwn(neverCalled, name))).toEqual([])
  })

  test.each(fields)(
    'G1, F6: $route refuses in $name what is inside or no address',
    async (field) => {
      const connects = spyOnConnects()
      const faults: string[] = []
      const texts = [
        ...hostileHosts.map((host) => textOf(field.kind, host, field.name)),
        ...hostileTexts,
        ...metacharacters.map((text) => textOf(field.kind, `proxy${text}.example`, field.name)),
        ...[22, 25, 5432, 6379, 3389, 0, 65_536].map((port) =>
          textOf(field.kind, 'proxy.example', field.name).replace(/(:3128)?(\/hook)?$/, `:${port}`),
        ),
      ]
      for (const text of texts) {
        const { status, json } = await send(field, text)
        const named = Array.isArray(json.fields) ? json.fields.filter(isJsonObject) : []
        const names = named.map((problem) => problem.field)
        if (status !== 400 || !names.includes(field.name)) {
          faults.push(`${JSON.stringify(text)}: ${status} ${names.join(' ')} ${json.detail}`)
        }
      }
      expect(faults).toEqual([])
      expect(connects).toEqual([])
      expect(texts.length).toBeGreaterThan(90)
    },
  )

  test('G1: are refused in an import under the names of the reference', async () => {
    const connects = spyOnConnects()
    const base = { name: 'Imported', client_id: guid, tenant_id: guid }
    for (const { path, reference, address } of tenantFields) {
      if (address === undefined || reference === undefined) continue
      for (const host of hostileHosts) {
        const given = { ...base, [reference]: textOf(address, host, path) }
        const { status, json } = await post('/v1/tenants/import', { nodeId, fields: given })
        expect([path, host, status, JSON.stringify(json.fields)]).toEqual([
          ...[path, host, 400],
          expect.stringContaining(`body.fields.${reference}`),
        ])
      }
    }
    expect(connects).toEqual([])
  })
})

/** A name server that answers this. */
function lookupAs(addresses: readonly string[]): Lookup {
  return async () => addresses.map((address) => ({ address, family: net.isIPv6(address) ? 6 : 4 }))
}

/** How a call to an address ends, and one of which it is the proxy. */
async function callBoth(endpoint: Endpoint, lookup: Lookup, reach: Reach): Promise<string[]> {
  const egress = createEgress(lookup, {
    ...{ connectMs: 1_000, headersMs: 1_000, bodyIdleMs: 1_000, exchangeMs: 2_000 },
  })
  const url = new URL(endpoint.origin)
  const head = { method: 'GET' as const, headers: { authorization: 'Bearer canary' } }
  const target = new URL('https://graph.microsoft.com/')
  const calls = [
    { ...head, url, destination: { ...reach, origins: [url.origin] } },
    {
      ...{ ...head, url: target, destination: { origins: [target.origin] } },
      proxy: { ...reach, endpoint },
    },
  ]
  const outcomes = calls.map((request) =>
    egress.exchange(request).then(
      () => 'answered',
      (error: { code: string }) => error.code,
    ),
  )
  try {
    return await Promise.all(outcomes)
  } finally {
    await egress.close()
  }
}

describe.each([...addressKinds])('an address of the kind %s', (kind) => {
  const endpoint = parseEndpoint(kind, 'field', textOf(kind, 'inside.example'))
  const call = (lookup: Lookup, rules: EgressRule[], allowedAddresses: string[] = []) =>
    callBoth(endpoint, lookup, reachOf([rules], { allowedAddresses }).reach(endpoint))

  test('G1: is not connected to where its name leads inside', async () => {
    const connects = spyOnConnects()
    const outcomes: Record<string, string[]> = {}
    for (const address of refusedAddresses) {
      outcomes[address] = await call(lookupAs([address]), beginning({}))
    }
    const refused = ['address-refused', 'address-refused']
    expect(outcomes).toEqual(Object.fromEntries(refusedAddresses.map((each) => [each, refused])))
    expect(connects).toEqual([])
  })

  test('G2: is not connected to by a name that has a refused address among others', async () => {
    const connects = spyOnConnects()
    const mixed = [
      ['8.8.8.8', '127.0.0.1'],
      ['10.0.0.1', '8.8.8.8'],
      ['2603:1006::1', '::1'],
      ['8.8.8.8', '169.254.169.254', '1.1.1.1'],
    ]
    for (const addresses of mixed) {
      const outcome = await call(lookupAs(addresses), beginning({}))
      expect(outcome).toEqual(['address-refused', 'address-refused'])
    }
    expect(connects).toEqual([])
  })

  test('G1: is connected to where configuration and list name the range, and only there', async () => {
    const connects = spyOnConnects()
    const named = (target: string): EgressRule => ({ target, ports: [endpoint.port] })
    const loopback = lookupAs(['127.0.0.1'])
    const closed = (rules: EgressRule[], configured: string[]) => call(loopback, rules, configured)
    const refused = ['address-refused', 'address-refused']
    expect(await closed([named('127.0.0.0/8')], [])).toEqual(refused)
    expect(await closed([named('public')], ['127.0.0.0/8'])).toEqual(refused)
    expect(await closed([named('*.example')], ['127.0.0.0/8'])).toEqual(refused)
    expect(await closed([named('127.0.0.2/32')], ['127.0.0.0/8'])).toEqual(refused)
    expect(connects).toEqual([])
    // Nothing listens there: it is tried, which is what is asked here.
    expect(await closed([named('127.0.0.1/32')], ['127.0.0.0/8'])).not.toContain('address-refused')
    expect(connects.length).toBeGreaterThan(0)
    const wide = [...defaultRules([]), named('169.254.0.0/16')]
    const metadata = await call(lookupAs(['169.254.169.254']), wide, ['169.254.0.0/16'])
    expect(metadata).toEqual(refused)
  })
})
