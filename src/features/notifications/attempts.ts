import type { ConfirmWrite } from '../../core/writing.ts'
import { type AuditEntry, writeAudit } from '../../store/audit.ts'
import { inScope } from '../../store/scope.ts'
import type { Store } from '../operation/store.ts'

/**
 * Puts each attempt of a call that changes a subscription on record before it is sent, under the id
 * it goes with. One entry for the call would not do: what is answered by a fault is sent again.
 */
export function recordAttempts(
  { db }: Pick<Store, 'db'>,
  entry: Omit<AuditEntry, 'action'>,
): ConfirmWrite {
  return async (attempt) => {
    const detail = { ...entry.detail, ...attempt }
    await inScope(db, entry.nodePath, (tx) =>
      writeAudit(tx, { ...entry, action: 'microsoft.write', detail }),
    )
  }
}
