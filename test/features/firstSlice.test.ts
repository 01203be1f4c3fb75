import { afterAll, beforeAll, expect, test } from 'vitest'
import { readNode } from '../../src/features/hierarchy/nodes.ts'
import { createTenant, listTenants, readTenant } from '../../src/features/tenants/tenants.ts'
import { addNode, type Bench, contosoId, directory, openBench, provider } from './support.ts'

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.close())

test('slice', async () => {
  const customer = await addNode(bench, 1, 'customer', 'Contoso')
  expect(await readNode(provider, bench.store.db, customer.id)).toEqual(customer)
  const tenant = await createTenant(provider, bench.store, directory, {
    nodeId: customer.id,
    name: 'Contoso',
    graph: {
      clientId: contosoId,
      tenantId: ' contoso.com ',
      clientSecret: 'canary-1',
      secureProxy: 'https://u:canary-2@proxy.example:3128/',
    },
  })
  expect(await readTenant(provider, bench.store, tenant.id)).toEqual(tenant)
  expect((await listTenants(provider, bench.store, {})).items).toEqual([tenant])
})
