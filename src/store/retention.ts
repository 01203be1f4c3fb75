import type { Clock } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import type { Database } from './database.ts'
import { asStoreError } from './errors.ts'

/** What the table `retention` speaks of. How long each is kept is the owner's word, not ours. */
const kinds = ['event', 'resource_change', 'run', 'transaction'] as const

/**
 * Removes what is older than it is kept, in batches, each a transaction of its own, with pauses in
 * between: it must not be noticed. Answers how many rows went of each kind.
 */
export async function sweep(
  db: Database,
  clock: Clock,
  signal: AbortSignal,
): Promise<Record<string, number>> {
  const removed: Record<string, number> = {}
  for (const kind of kinds) {
    let total = 0
    for (let batch = 0; batch < limits.sweepBatchesMax && !signal.aborted; batch++) {
      const count = await sweepBatch(db, kind)
      total += count
      if (count < limits.sweepRows) break
      await clock.sleep(limits.sweepPauseMs, signal).catch(() => {})
    }
    if (total > 0) removed[kind] = total
  }
  return removed
}

async function sweepBatch(db: Database, kind: string): Promise<number> {
  try {
    const { rows } = await db.pool.query<{ count: number }>('select sweep($1, $2) as count', [
      kind,
      limits.sweepRows,
    ])
    return rows[0]?.count ?? 0
  } catch (error) {
    throw asStoreError(error)
  }
}

/** A sweep for a scan that comes round much more often: it does nothing until it is time. */
export function createSweep(db: Database, clock: Clock): (signal: AbortSignal) => Promise<void> {
  let dueAt = clock.now()
  return async (signal) => {
    if (clock.now() < dueAt) return
    const removed = await sweep(db, clock, signal)
    dueAt = clock.now() + limits.sweepEveryMs
    if (Object.keys(removed).length > 0) db.log.info({ removed }, 'removed what is no longer kept')
  }
}
