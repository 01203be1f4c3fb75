import { limits } from '../core/limits.ts'
import { recordRefusal } from '../features/audit/refusals.ts'
import type { Store } from '../features/operation/store.ts'
import type { Refusal } from '../http/server.ts'

const minuteMs = 60_000

/**
 * Puts refusals on record: of a write each one; of a reading, which a page or a script repeats
 * without end, the first of a minute for each caller and route.
 */
export function createRefusals({ db, clock }: Pick<Store, 'db' | 'clock'>) {
  const lastNoted = new Map<string, number>()

  function isRepeated({ actor, route }: Refusal): boolean {
    const now = clock.now()
    const key = `${actor.id} ${route}`
    if (now - (lastNoted.get(key) ?? 0) < minuteMs) return true
    // Oldest first, so that what goes is what would be noted anew soonest.
    lastNoted.delete(key)
    lastNoted.set(key, now)
    const [oldest] = lastNoted.keys()
    if (lastNoted.size > limits.auditSignInsRemembered && oldest) lastNoted.delete(oldest)
    return false
  }

  return async (refusal: Refusal): Promise<void> => {
    if (refusal.reading && isRepeated(refusal)) return
    await recordRefusal(db, refusal)
  }
}
