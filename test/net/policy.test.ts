import { isIP } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Actor } from '../../src/core/actor.ts'
import {
  allowTarget,
  forbidTarget,
  inheritPolicy,
  showPolicy,
} from '../../src/features/egress/policy.ts'
import { reachAt } from '../../src/features/egress/reach.ts'
import { moveNode } from '../../src/features/hierarchy/shape.ts'
import { createAddressCheck } from '../../src/net/addresses.ts'
import { parseEndpoint } from '../../src/net/endpoint.ts'
import { listAudit } from '../../src/store/audit.ts'
import { inScope } from '../../src/store/scope.ts'
import {
  actorAt,
  addNode,
  type Bench,
  failureOf,
  openBench,
  provider,
} from '../features/support.ts'

const configured = { allowedAddresses: ['10.0.0.0/8'] }
const proxy = 'http://proxy.contoso.com:3128'
const top = 1

interface Node {
  id: number
  path: string
}

let bench: Bench
let count = 0
let reseller: Node
let customer: Node
let neighbour: Node

beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.close())
beforeEach(async () => {
  count += 1
  await inheritPolicy(provider, bench.store.db, configured, top)
  reseller = await addNode(bench, top, 'reseller', `Reseller ${count}`)
  customer = await addNode(bench, reseller.id, 'customer', `Customer ${count}`)
  neighbour = await addNode(bench, top, 'reseller', `Neighbour ${count}`)
})

type Ports = 'usual' | 'any' | number[]
const allow = (nodeId: number, target: string, ports?: Ports, actor: Actor = provider) =>
  allowTarget(actor, bench.store.db, configured, { nodeId, target, ...(ports && { ports }) })
const forbid = (nodeId: number, target: string, actor: Actor = provider) =>
  forbidTarget(actor, bench.store.db, configured, { nodeId, target })
const show = (nodeId: number, actor: Actor = provider) =>
  showPolicy(actor, bench.store.db, configured, nodeId)
const targetsOf = async (nodeId: number) =>
  (await show(nodeId)).rules?.map(({ target, narrowed }) => (narrowed ? `(${target})` : target))

/** Whether a tenant at the node may be sent there, when a name turns out to be at `address`. */
async function may({ path }: Node, text: string, address = '8.8.8.8'): Promise<boolean> {
  const policy = await reachAt(bench.store.db, path, configured)
  const endpoint = parseEndpoint('proxy', 'proxy', text)
  const { allowedAddresses, within } = policy.reach(endpoint)
  const { host } = endpoint
  const connects = createAddressCheck(allowedAddresses ?? [], within)(isIP(host) ? host : address)
  // What is refused when it is typed is never connected to.
  if (connects) expect(policy.problem(endpoint)).toBeUndefined()
  return connects
}

describe('a list', () => {
  test('G1: begins with what is public and what the server names', async () => {
    expect(await show(customer.id)).toEqual({
      nodeId: customer.id,
      from: 'default',
      rules: [
        { target: 'public', ports: 'usual', narrowed: false },
        { target: '10.0.0.0/8', ports: 'any', narrowed: false },
      ],
    })
    for (const allowed of [proxy, 'http://10.1.2.3:3128', 'http://10.1.2.3:9999']) {
      expect([allowed, await may(customer, allowed)]).toEqual([allowed, true])
    }
    for (const refused of ['http://192.168.1.1:3128', `${proxy}9`, 'http://10.1.2.3:22']) {
      expect([refused, await may(customer, refused)]).toEqual([refused, false])
    }
  })

  test('holds at its node and below it, and nowhere else', async () => {
    await forbid(reseller.id, 'public')
    expect([await may(reseller, proxy), await may(customer, proxy)]).toEqual([false, false])
    expect(await may(neighbour, proxy)).toBe(true)
    expect(await show(customer.id)).toMatchObject({ from: 'above' })
    await allow(reseller.id, 'Proxy.Contoso.com')
    expect(await may(customer, proxy)).toBe(true)
    expect(await may(customer, 'http://other.com:3128')).toBe(false)
    await inheritPolicy(provider, bench.store.db, configured, reseller.id)
    expect(await may(customer, 'http://other.com:3128')).toBe(true)
  })

  test('G1: opens a port or a range only within what is above it', async () => {
    const wider: [string, Ports?][] = [
      ['proxy.contoso.com', [22]],
      ['proxy.contoso.com', 'any'],
      ['public', 'any'],
    ]
    for (const [target, ports] of wider) {
      const { code, message } = await failureOf(allow(customer.id, target, ports))
      expect([code, message]).toEqual(['bad-input', expect.stringMatching(/list above/)])
    }
    for (const range of ['192.168.0.0/16', '127.0.0.1', '0.0.0.0/0', 'fd12::/16', '::/0']) {
      for (const node of [top, customer.id]) {
        expect((await failureOf(allow(node, range))).message).toMatch(/proxies\.allowedAddresses/)
      }
    }
    expect(await show(customer.id)).toMatchObject({ from: 'default' })
  })

  test('G1: lets through at the top what is named there, port 22 too', async () => {
    expect(await may(customer, 'http://proxy.contoso.com:22')).toBe(false)
    await allow(top, 'proxy.contoso.com', [22])
    expect(await may(customer, 'http://proxy.contoso.com:22')).toBe(true)
    expect(await may(customer, 'http://other.com:22')).toBe(false)
  })

  test('cannot widen: what is narrowed above later is narrowed below', async () => {
    await allow(customer.id, 'proxy.contoso.com')
    await forbid(customer.id, 'public')
    await forbid(top, 'public')
    expect(await may(customer, proxy)).toBe(false)
    expect(await targetsOf(customer.id)).toEqual(['10.0.0.0/8', '(proxy.contoso.com)'])
    await allow(top, '*.contoso.com')
    expect(await may(customer, proxy)).toBe(true)
    expect(await targetsOf(customer.id)).toEqual(['10.0.0.0/8', 'proxy.contoso.com'])
  })

  test('can be empty: Microsoft and nothing else', async () => {
    await forbid(reseller.id, 'public')
    await forbid(reseller.id, '10.0.0.0/8')
    expect(await show(reseller.id)).toMatchObject({ from: 'node', rules: [] })
    expect([await may(customer, proxy), await may(customer, 'http://10.1.2.3:3128')]).toEqual([
      false,
      false,
    ])
  })

  test('moves with its node, and goes with it', async () => {
    await forbid(customer.id, 'public')
    await moveNode(provider, bench.store.db, {
      ...{ nodeId: customer.id, parentId: neighbour.id, confirm: `Customer ${count}` },
    })
    expect(await show(customer.id)).toMatchObject({ from: 'node' })
    const moved = { id: customer.id, path: `${neighbour.path}${customer.id}.` }
    expect(await may(moved, proxy)).toBe(false)
  })

  test('is not made by what changes nothing', async () => {
    await forbid(customer.id, 'nowhere.example')
    await allow(customer.id, 'public')
    await inheritPolicy(provider, bench.store.db, configured, customer.id)
    expect(await show(customer.id)).toMatchObject({ from: 'default' })
    const entries = await inScope(bench.store.db, customer.path, (tx) => listAudit(tx))
    expect(entries.filter(({ action }) => action.startsWith('egress.'))).toEqual([])
  })
})

describe('who', () => {
  const reads = { type: 'data/EgressPolicy', operations: ['Read' as const] }

  test('may read it may not change it', async () => {
    const actor = actorAt(customer.path, [reads])
    expect((await show(customer.id, actor)).from).toBe('default')
    for (const work of [
      allow(customer.id, 'a.com', 'usual', actor),
      forbid(customer.id, 'a', actor),
    ])
      expect((await failureOf(work)).code).toBe('not-permitted')
    expect((await failureOf(show(neighbour.id, actor))).code).toBe('not-found')
  })

  test('is below a list is told that there is one, and not whose hosts are on it', async () => {
    await allow(top, 'secret.other-customer.com')
    const actor = actorAt(customer.path)
    expect(await show(customer.id, actor)).toMatchObject({ from: 'above', rules: null })
    const made = await allow(customer.id, 'proxy.contoso.com', 'usual', actor)
    expect(made.from).toBe('node')
    expect(JSON.stringify(made)).not.toContain('secret.other-customer.com')
  })

  test('changed it is on record, with what was and is', async () => {
    await allow(customer.id, 'proxy.contoso.com', [443, 3128])
    await forbid(customer.id, 'public')
    await inheritPolicy(provider, bench.store.db, configured, customer.id)
    const entries = await inScope(bench.store.db, customer.path, (tx) => listAudit(tx))
    const found = entries.filter(({ action }) => action.startsWith('egress.')).reverse()
    expect(found.map(({ action, actor }) => [action, actor.name])).toEqual([
      ['egress.allow', 'Ada'],
      ['egress.forbid', 'Ada'],
      ['egress.inherit', 'Ada'],
    ])
    const named = 'proxy.contoso.com 443,3128'
    expect(found[1]?.detail).toEqual({
      before: ['public usual', '10.0.0.0/8 any', named],
      after: ['10.0.0.0/8 any', named],
    })
    expect(found[2]?.detail).toMatchObject({ after: null })
  })
})
