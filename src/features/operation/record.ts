import type { Author } from '../../core/actor.ts'
import type { JsonObject } from '../../core/json.ts'
import { writeAudit } from '../../store/audit.ts'
import type { Tx } from '../../store/scope.ts'

export interface Recorded {
  nodePath: string
  tenantId?: number
  /** `node.create`: the action of the audit and the kind of the event. */
  action: string
  subject: string
  /** Names and ids; of secrets their fingerprints only. */
  detail: JsonObject
}

/** Puts a change on record and announces it. To be called before the change is made. */
export async function record(tx: Tx, actor: Author, entry: Recorded): Promise<void> {
  const { action, detail, ...place } = entry
  await writeAudit(
    tx,
    { ...place, actor, action, detail },
    { ...place, kind: action, data: detail },
  )
}
