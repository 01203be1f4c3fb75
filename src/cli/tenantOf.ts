import type { Client } from '../client/client.ts'
import type { tenantRoutes } from '../contract/tenants.ts'
import { badInput } from '../core/errors.ts'

/** The tenant asked for, or the only one there is to see. */
export async function tenantOf(
  client: Client<{ tenant: Pick<typeof tenantRoutes, 'list'> }>,
  given: number | undefined,
): Promise<number> {
  if (given !== undefined) return given
  const { items } = await client.tenant.list({ query: { limit: 2 } })
  const [only, another] = items
  if (only && !another) return only.id
  const what = only ? 'is needed: several tenants are visible' : 'is needed: no tenant is visible'
  throw badInput('tenant', `${what}; \`patchbay tenant list\` shows them`)
}
