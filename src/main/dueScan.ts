import { limits } from '../core/limits.ts'
import { type DueDependencies, queueMarked, queueScheduled } from '../features/schedules/dueScan.ts'

/** Looks again and again at what is due by itself. Every worker does: each row is taken by one. */
export function startDueScan(dependencies: DueDependencies): { stop(): Promise<void> } {
  const { clock } = dependencies.store
  const ending = new AbortController()
  const scanning = scan()

  async function scan(): Promise<void> {
    while (!ending.signal.aborted) {
      try {
        await queueScheduled(dependencies)
        await queueMarked(dependencies)
      } catch (error) {
        // The database is away, say: what is due stays due.
        dependencies.log.warn({ error: String(error) }, 'what is due could not be looked at')
      }
      await clock.sleep(limits.dueScanMs, ending.signal).catch(() => {})
    }
  }

  return {
    stop: async () => {
      ending.abort()
      await scanning
    },
  }
}
