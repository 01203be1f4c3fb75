import type { Actor } from '../../core/actor.ts'
import { limits } from '../../core/limits.ts'
import { writeAudit } from '../../store/audit.ts'
import type { Database } from '../../store/database.ts'
import { inScope } from '../../store/scope.ts'
import { homeOf } from '../hierarchy/root.ts'

/** Puts on record that somebody tried what they may not, or where they may not see. */
export async function recordRefusal(
  db: Database,
  refusal: {
    requestId: string
    actor: Actor
    route: string
    params: Readonly<Record<string, string>>
    code: string
  },
): Promise<void> {
  const { requestId, actor, route, code } = refusal
  const params = Object.fromEntries(
    Object.entries(refusal.params).map(([name, text]) => [
      name,
      text.slice(0, limits.auditNameChars),
    ]),
  )
  const nodePath = homeOf(actor)
  await inScope(db, nodePath, (tx) =>
    writeAudit(tx, {
      nodePath,
      actor,
      action: 'access.refused',
      subject: route,
      detail: { code, params, requestId },
    }),
  )
}
