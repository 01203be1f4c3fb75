import type { Clock } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import type { Log } from '../store/log.ts'

/** Looks again and again at what is due by itself. Every worker does: each row is taken by one. */
export function startScan(
  { clock, log }: { clock: Clock; log: Log },
  what: string,
  look: (signal: AbortSignal) => Promise<void>,
): { stop(): Promise<void> } {
  const ending = new AbortController()
  const scanning = scan()

  async function scan(): Promise<void> {
    while (!ending.signal.aborted) {
      await look(ending.signal).catch((error: unknown) => {
        // The database is away, say: what is due stays due.
        log.warn({ error: String(error) }, `${what} could not be looked at`)
      })
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
