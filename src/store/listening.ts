import pg from 'pg'
import type { Clock } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import type { Database } from './database.ts'

export interface Listening {
  /** What `pg_stat_activity` and the log call it. */
  name: string
  channel: string
  /** Has the connection for as long as it lives: what it throws, and its end, lead to a new one. */
  use(client: pg.Client): Promise<void>
  /** There is no connection just now; what would be told is missed. */
  lost(): void
}

/**
 * Keeps a connection that listens, which a pool cannot give, until the signal is aborted. A lost
 * one is made anew after `eventPollMs`.
 */
export async function keepListening(
  db: Database,
  clock: Clock,
  signal: AbortSignal,
  { name, channel, use, lost }: Listening,
): Promise<void> {
  while (!signal.aborted) {
    const client = new pg.Client({
      connectionString: db.url.reveal(),
      application_name: `patchbay ${name}`,
      connectionTimeoutMillis: limits.poolWaitMs,
      query_timeout: limits.poolWaitMs,
      keepAlive: true,
    })
    client.on('error', () => {})
    try {
      await client.connect()
      await client.query(`listen ${channel}`)
      await use(client)
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown'
      db.log.warn({ error: reason, name }, 'a listener lost its connection, polling meanwhile')
      lost()
      await clock.sleep(limits.eventPollMs, signal).catch(() => {})
    } finally {
      await client.end().catch(() => {})
    }
  }
}
