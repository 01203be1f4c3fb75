import { type Actor, scopesOf } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { requireIdle } from '../hierarchy/active.ts'
import { type EndDependencies, endSubscriptions } from '../notifications/endSubscriptions.ts'
import { requireConfirmation } from '../operation/confirm.ts'
import { record } from '../operation/record.ts'
import type { Store } from '../operation/store.ts'
import { permittedTenant } from './access.ts'
import { ownerOf } from './answer.ts'
import * as queries from './queries.ts'

interface Wanted {
  tenantId: number
  confirm?: string | undefined
}

/**
 * Removes a tenant with everything Patchbay holds of it; the audit stays. At Microsoft its
 * subscriptions are ended, as far as that goes, and nothing else is touched. Throws
 * `confirmation-required` unless `confirm` is its name, `conflict` while work is under way.
 */
export async function deleteTenant(
  actor: Actor,
  dependencies: EndDependencies & { store: Store },
  input: Wanted,
  signal: AbortSignal,
): Promise<void> {
  const { store } = dependencies
  const { row } = await inScope(store.db, scopesOf(actor), (tx) =>
    deletable(tx, actor, store, input),
  )
  const tenant = { tenantId: row.id, nodePath: row.node_path }
  const subscriptionsLeft = await endSubscriptions(actor, dependencies, tenant, signal)
  await inScope(store.db, scopesOf(actor), async (tx) => {
    const { row, objects } = await deletable(tx, actor, store, input)
    await record(tx, actor, {
      nodePath: row.node_path,
      tenantId: row.id,
      action: 'tenant.delete',
      subject: `tenant:${row.id}`,
      detail: { name: row.name, objects, ...(subscriptionsLeft > 0 && { subscriptionsLeft }) },
    })
    await store.vault.destroy(tx, ownerOf(row.id))
    await queries.deleteEverything(tx, row.id)
  })
}

async function deletable(tx: Tx, actor: Actor, store: Store, input: Wanted) {
  const { row } = await permittedTenant(tx, store, actor, 'Delete', input.tenantId, 'update')
  const counted = await queries.countObjects(tx, row.id, limits.countRowsMax + 1)
  const objects =
    counted > limits.countRowsMax ? `more than ${limits.countRowsMax}` : String(counted)
  requireConfirmation(
    input.confirm,
    row.name,
    `This removes the tenant ${row.name} with ${objects} stored objects, its history and its secrets. At Microsoft its change notifications are ended, and nothing else is changed.`,
  )
  await requireIdle(tx, [row.id])
  const [below] = await queries.selectRecordsBelow(tx, row.id)
  if (below !== undefined) {
    throw new AppError(
      'conflict',
      `${below.name} below this node is attached to the same Microsoft tenant and hangs on this record. Nothing was removed; delete that one first.`,
    )
  }
  return { row, objects: counted }
}
