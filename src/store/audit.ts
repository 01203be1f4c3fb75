import type { Actor } from '../core/actor.ts'
import { AppError } from '../core/errors.ts'
import type { JsonObject } from '../core/json.ts'
import { limits } from '../core/limits.ts'
import type { Tx } from './scope.ts'
import { toJsonb } from './text.ts'

export interface AuditEntry {
  nodePath: string
  actor: Actor
  /** What was done or refused: `tenant.create`, `transaction.step`. */
  action: string
  tenantId?: number
  /** What it was done to: `tenant:7`. */
  subject: string
  /** Before and after, calls, reasons; `Sealed` values read `[secret]`. */
  detail: JsonObject
}

export interface AuditRow extends Omit<AuditEntry, 'tenantId'> {
  id: number
  at: Date
  tenantId: number | null
}

/**
 * Puts an entry on record, to be committed before what it records is done. When that fails the
 * transaction is lost with it (PostgreSQL refuses to commit after an error): without audit, no
 * change. Errors: `unavailable`.
 */
export async function writeAudit(tx: Tx, entry: AuditEntry): Promise<void> {
  try {
    await tx
      .insertInto('audit')
      .values({
        node_path: entry.nodePath,
        actor: toJsonb(entry.actor),
        action: entry.action,
        tenant_id: entry.tenantId ?? null,
        subject: entry.subject,
        detail: toJsonb(entry.detail),
      })
      .execute()
  } catch (cause) {
    throw new AppError(
      'unavailable',
      'The audit could not be written, so nothing was done. Look at the database (space, locks, rights), then try again.',
      { cause },
    )
  }
}

/** The newest entries within the scope, before the one with id `before` when that is given. */
export async function listAudit(
  tx: Tx,
  page: { before?: number; tenantId?: number; limit?: number } = {},
): Promise<AuditRow[]> {
  let query = tx
    .selectFrom('audit')
    .select(['id', 'at', 'node_path as nodePath', 'actor', 'action', 'tenant_id as tenantId'])
    .select(['subject', 'detail'])
    .orderBy('id', 'desc')
    .limit(Math.min(page.limit ?? limits.listRowsDefault, limits.listRowsMax))
  if (page.before !== undefined) query = query.where('id', '<', page.before)
  if (page.tenantId !== undefined) query = query.where('tenant_id', '=', page.tenantId)
  return query.execute()
}
