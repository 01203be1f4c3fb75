import type { Clock } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import { type EmbeddedServer, isRunning, startEmbedded } from './embedded.ts'
import type { Log } from './log.ts'

/**
 * As `startEmbedded`, and starts the server again when it ends under us: the kernel, short of
 * memory, kills whom it likes. It comes back at the same address, so pools find it by themselves.
 */
export async function startWatchedEmbedded(
  dataDir: string,
  clock: Clock,
  log: Log,
): Promise<Pick<EmbeddedServer, 'url' | 'stop'>> {
  const first = await startEmbedded(dataDir, clock)
  let server = first
  const ending = new AbortController()
  const watching = watch()

  async function watch(): Promise<void> {
    while (!ending.signal.aborted) {
      await clock.sleep(limits.embeddedWatchMs, ending.signal).catch(() => {})
      if (ending.signal.aborted || isRunning(server)) continue
      log.warn({ pid: server.pid }, 'the embedded PostgreSQL ended; starting it again')
      try {
        server = await startEmbedded(dataDir, clock)
      } catch (error) {
        log.error({ error: String(error) }, 'the embedded PostgreSQL did not start again')
      }
    }
  }

  return {
    url: first.url,
    stop: async () => {
      ending.abort()
      await watching
      await server.stop()
    },
  }
}
