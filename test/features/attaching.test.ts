import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCertificate } from '../../src/features/certificates/certificates.ts'
import { connectTenant } from '../../src/features/tenants/connect.ts'
import { createTenant } from '../../src/features/tenants/tenants.ts'
import { updateTenant } from '../../src/features/tenants/updateTenant.ts'
import { inScope } from '../../src/store/scope.ts'
import {
  actorAt,
  addNode,
  type Bench,
  directory,
  failureOf,
  fieldsOf,
  openBench,
  provider,
  removeTenant,
} from './support.ts'
import { guid, tenantBench } from './tenantBench.ts'

let bench: Bench
const { attach, update } = tenantBench(() => bench)

beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.close())

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
    expect((await failureOf(removeTenant(provider, bench.store, removal))).code).toBe('conflict')
    const change = update(tenant.id, { graph: { tenantId: guid(900), clientSecret: 'new' } })
    expect((await failureOf(change)).code).toBe('conflict')
    await removeTenant(provider, bench.store, { tenantId: below.id, confirm: below.name })
    await removeTenant(provider, bench.store, removal)
  })

  test('cannot be attached above or beside where it is', async () => {
    const { customer } = await attach()
    const site = await addNode(bench, customer.id, 'site', 'Berlin')
    const { tenant } = await attach({ nodeId: site.id })
    const beside = await addNode(bench, customer.id, 'site', 'Hamburg')
    const work = attach({ nodeId: beside.id, graph: { tenantId: tenant.graph.tenantId } })
    expect((await failureOf(work)).code).toBe('conflict')
  })

  test('is attached once, however many attach it at the same moment', async () => {
    const graph = { tenantId: guid(950) }
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => attach({ graph })))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'conflict' })
    }
  })

  test('is another one in another cloud', async () => {
    const { tenant } = await attach()
    const graph = { cloud: 'china', tenantId: tenant.graph.tenantId }
    expect((await attach({ graph })).tenant.graph.cloud).toBe('china')
  })
})

describe('certificates', () => {
  const make = (nodeId: number) =>
    createCertificate(provider, bench.store, {
      ...{ nodeId, name: `c ${nodeId}`, commonName: 'c', keyBits: 2048 as const },
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
