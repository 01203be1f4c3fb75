import type { Actor } from '../../core/actor.ts'
import { limits } from '../../core/limits.ts'
import { writeAudit } from '../../store/audit.ts'
import { inScope } from '../../store/scope.ts'
import { homeOf } from '../hierarchy/root.ts'
import type { Store } from '../operation/store.ts'
import { createSeldom } from './seldom.ts'

/** Somebody tried what they may not, or where they may not see. */
interface Refusal {
  requestId: string
  actor: Actor
  route: string
  params: Readonly<Record<string, string>>
  code: string
  /** It was no write. */
  reading: boolean
}

const minuteMs = 60_000

/**
 * Puts refusals on record: of a write each one; of a reading, which a page or a script repeats
 * without end, the first of a minute for each caller and route.
 */
export function createRefusals({ db, clock }: Pick<Store, 'db' | 'clock'>) {
  const seldom = createSeldom(clock, minuteMs)

  async function write({ requestId, actor, route, code, params }: Refusal): Promise<void> {
    const shortened = Object.entries(params).map(([name, text]) => [
      name,
      text.slice(0, limits.auditNameChars),
    ])
    const detail = { code, params: Object.fromEntries(shortened), requestId }
    const nodePath = homeOf(actor)
    const entry = { nodePath, actor, action: 'access.refused', subject: route, detail }
    await inScope(db, nodePath, (tx) => writeAudit(tx, entry))
  }

  return async (refusal: Refusal): Promise<void> => {
    if (!refusal.reading) return await write(refusal)
    await seldom(`${refusal.actor.id} ${refusal.route}`, () => write(refusal))
  }
}
