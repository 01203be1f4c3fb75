import { sql } from 'kysely'
import type { Author } from '../../../core/actor.ts'
import type { Tx } from '../../../store/scope.ts'

/** Tenants with a mark that is due and no sync under way, the longest due first. */
export async function selectDueTenants(tx: Tx, now: Date, limit: number): Promise<number[]> {
  const { rows } = await sql<{ tenantId: number }>`
    select tenant_id as "tenantId" from sync_due
    where due_at <= ${now} and not exists (select from run
      where run.tenant_id = sync_due.tenant_id and run.state in ('queued', 'running'))
    group by tenant_id order by min(due_at) limit ${limit}`.execute(tx)
  return rows.map(({ tenantId }) => tenantId)
}

export interface Mark {
  nodePath: string
  model: string
  cause: string
  actor: Author
}

/**
 * The marks of a tenant that are due, the earliest first, locked; none when another worker holds
 * one. The share of the tenant's row keeps the tenant where it is.
 */
export async function takeMarks(tx: Tx, tenantId: number, now: Date): Promise<Mark[]> {
  const { rows } = await sql<Mark>`
    select due.node_path as "nodePath", m.name as model, cause, due.actor from sync_due as due
    join tenant on tenant.id = due.tenant_id join model m on m.id = due.model_id
    where due.tenant_id = ${tenantId} and due.due_at <= ${now}
    order by due.due_at for update of due skip locked for share of tenant skip locked`.execute(tx)
  return rows
}

export async function dropMarks(
  tx: Tx,
  tenantId: number,
  models: readonly string[],
): Promise<void> {
  await sql`
    delete from sync_due where tenant_id = ${tenantId}
      and model_id in (select id from model where name = any(${models}))`.execute(tx)
}
