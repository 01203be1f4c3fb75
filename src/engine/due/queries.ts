import { sql } from 'kysely'
import { type Author, authorOf } from '../../core/actor.ts'
import type { Tx } from '../../store/scope.ts'
import { toJsonb } from '../../store/text.ts'

/**
 * Marks models of a tenant to be synced soon. One that is marked already keeps its earlier time, so
 * that a flood of hints neither adds nor puts off anything.
 */
export async function markModelsDue(
  tx: Tx,
  place: { tenantId: number; nodePath: string },
  models: readonly string[],
  due: { dueAt: Date; cause: string; actor: Author },
): Promise<void> {
  if (models.length === 0) return
  await sql`
    insert into sync_due (tenant_id, model_id, node_path, due_at, cause, actor)
    select ${place.tenantId}, id, ${place.nodePath}, ${due.dueAt}, ${due.cause},
      ${toJsonb(authorOf(due.actor))}
    from model where name = any(${models}) order by id
    on conflict do nothing`.execute(tx)
}

/**
 * Marks what a transaction touched, where its tenant wants a sync on save: more than what was
 * changed may be different now (licences given by a group, values that Microsoft derives).
 */
export async function markTouchedDue(
  tx: Tx,
  transaction: { id: number; tenantId: number; nodePath: string; actor: Author },
  dueAt: Date,
): Promise<void> {
  const { rows } = await sql<{ model: string }>`
    select distinct step.input ->> 'model' as model from transaction_step as step, tenant
    where step.transaction_id = ${transaction.id} and step.attempts > 0
      and step.input ->> 'model' is not null
      and tenant.id = ${transaction.tenantId}
      and tenant.settings -> 'sync.onSave' = 'true'::jsonb`.execute(tx)
  const models = rows.map(({ model }) => model)
  const { actor } = transaction
  await markModelsDue(tx, transaction, models, {
    ...{ dueAt, actor, cause: `transaction:${transaction.id}` },
  })
}
