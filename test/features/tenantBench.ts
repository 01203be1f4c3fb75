import type { NodeAnswer } from '../../src/features/hierarchy/nodes.ts'
import type { TenantAnswer } from '../../src/features/tenants/answer.ts'
import { createTenant } from '../../src/features/tenants/tenants.ts'
import { updateTenant } from '../../src/features/tenants/updateTenant.ts'
import { inScope } from '../../src/store/scope.ts'
import { addNode, type Bench, directory, provider } from './support.ts'

export type Input = Parameters<typeof createTenant>[3]
export type Change = Parameters<typeof updateTenant>[4]

/** Distinct GUIDs by number. */
export function guid(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
}

export const windows = {
  powershell: {
    mode: 'windows-proxy' as const,
    host: 'proxy.contoso.com',
    username: 'svc-patchbay',
    password: 'canary-powershell',
  },
}

/** Ways to make, change and look into tenants of one test file, each at a customer of its own. */
export function tenantBench(bench: () => Bench) {
  let count = 0

  async function attach(
    more: Partial<Input> = {},
  ): Promise<{ customer: NodeAnswer; tenant: TenantAnswer }> {
    count += 1
    const customer = await addNode(bench(), 1, 'customer', `Customer ${count}`)
    const graph = { clientId: guid(1), tenantId: guid(count), clientSecret: 'canary' }
    const input = { nodeId: customer.id, name: `Tenant ${count}`, ...more }
    const tenant = await createTenant(provider, bench().store, directory, {
      ...input,
      graph: { ...graph, ...more.graph },
    })
    return { customer, tenant }
  }

  return {
    attach,
    update: (id: number, change: Change) =>
      updateTenant(provider, bench().store, directory, id, change),
    secretOf: (tenantId: number, field: string) =>
      inScope(bench().store.db, '1.', async (tx) => {
        const ref = { owner: `tenant:${tenantId}`, field }
        return (await bench().store.vault.get(tx, ref))?.reveal()
      }),
  }
}
