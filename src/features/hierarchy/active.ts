import { AppError } from '../../core/errors.ts'
import type { Tx } from '../../store/scope.ts'
import { selectActive } from './queries.ts'

/**
 * Throws `conflict` while a sync or transaction of one of these tenants is under way. It holds only
 * while their rows are locked: whoever starts work takes a share of the tenant's row first.
 */
export async function requireIdle(tx: Tx, tenantIds: readonly number[]): Promise<void> {
  const [first] = await selectActive(tx, tenantIds)
  if (first === undefined) return
  throw new AppError(
    'conflict',
    `The ${first.kind} ${first.id} of tenant ${first.tenantId} is ${first.state}. Nothing was changed; wait until it has ended, or cancel it.`,
  )
}
