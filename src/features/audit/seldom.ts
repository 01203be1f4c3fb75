import type { Clock } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'

export type Seldom = (key: string, work: () => Promise<void>) => Promise<void>

/** Does the work for a key again only after `everyMs`; work that failed does not count. */
export function createSeldom(clock: Clock, everyMs: number): Seldom {
  const lastDone = new Map<string, number>()
  return async (key, work) => {
    const now = clock.now()
    if (now - (lastDone.get(key) ?? 0) < everyMs) return
    await work()
    // Oldest first, so that what goes is what would be done anew soonest.
    lastDone.delete(key)
    lastDone.set(key, now)
    const [oldest] = lastDone.keys()
    if (lastDone.size > limits.auditSignInsRemembered && oldest) lastDone.delete(oldest)
  }
}
