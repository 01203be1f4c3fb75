import type { QueryCreator } from 'kysely'
import { type Author, authorOf } from '../core/actor.ts'
import type { JsonObject } from '../core/json.ts'
import { limits } from '../core/limits.ts'
import { auditError } from './errors.ts'
import { announcing, type NewEvent } from './events.ts'
import { runPrepared, type Tx } from './scope.ts'
import type { Tables } from './tables/tables.ts'
import { storableText, toJsonb } from './text.ts'

export interface AuditEntry {
  nodePath: string
  actor: Author
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
 * Puts an entry on record, to be committed before what it records is done; `event`, when there is
 * one, is emitted by the same statement. When it fails the transaction is lost with it (PostgreSQL
 * refuses to commit after an error): without audit, no change. The commit seals the entry into its
 * chain (migration 0010). Errors: `unavailable`, `audit-refused`.
 */
export async function writeAudit(tx: Tx, entry: AuditEntry, event?: NewEvent): Promise<void> {
  const insert = (db: Pick<QueryCreator<Tables>, 'insertInto'>) =>
    db.insertInto('audit').values({
      node_path: entry.nodePath,
      actor: toJsonb(authorOf(entry.actor)),
      action: entry.action,
      tenant_id: entry.tenantId ?? null,
      subject: storableText(entry.subject),
      detail: toJsonb(entry.detail),
    })
  try {
    if (event) await runPrepared(tx, 'audit event', announcing(tx.with('entry', insert), event))
    else await runPrepared(tx, 'audit', insert(tx))
  } catch (cause) {
    throw auditError(cause)
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
