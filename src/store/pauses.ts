import type pg from 'pg'
import type { Clock } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import type { Database } from './database.ts'
import { keepListening } from './listening.ts'

const channel = 'patchbay_pause'

/** `until` in milliseconds since 1970, by this process's clock. */
export type HearPause = (name: string, until: number) => void

/**
 * Pauses as all processes know them: what one was told by a service, the others keep as well,
 * including those that start while it lasts.
 */
export interface Pauses {
  /** Returns at once. Never fails: a pause that could not be told is learnt once more elsewhere. */
  tell: HearPause
  /** Tells of every pause in force and to come; resolves when those in force are known. */
  follow(hear: HearPause): Promise<void>
  close(): Promise<void>
}

export function createPauses(db: Database, clock: Clock): Pauses {
  const stopping = new AbortController()
  const told = new Set<Promise<void>>()
  let listening = Promise.resolve()

  async function write(name: string, forMs: number): Promise<void> {
    try {
      // Its length, not its end: the clocks of two machines differ, the database has one.
      await db.pool.query(tellSql, [name, Math.ceil(forMs)])
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown'
      db.log.warn({ error: reason, pause: name }, 'a pause could not be told to other processes')
    }
  }

  return {
    tell(name, until) {
      const writing = write(name, until - clock.now())
      told.add(writing)
      void writing.then(() => told.delete(writing))
    },
    follow(hear) {
      const { promise, resolve } = Promise.withResolvers<void>()
      listening = keepListening(db, clock, stopping.signal, {
        ...{ name: 'pauses', channel },
        use: (client) => hearAll(client, clock, stopping.signal, hear, resolve),
        // Without the database nobody is paused by hearsay; nothing else is to wait for it here.
        lost: resolve,
      })
      return promise
    },
    async close() {
      stopping.abort()
      await Promise.all([listening, ...told])
    },
  }
}

/** What has passed is swept by whoever tells the next, so that the table stays small. */
const tellSql = `
  with passed as (
    delete from pause where until < clock_timestamp() - interval '1 hour' and name <> $1
  ), told as (
    insert into pause (name, until)
    values ($1, clock_timestamp() + $2 * interval '1 millisecond')
    on conflict (name) do update set until = greatest(pause.until, excluded.until)
    returning name
  )
  select pg_notify('${channel}', name) from told`

/** Reads anew whenever something is told, and now and then: that also shows whether it lives. */
async function hearAll(
  client: pg.Client,
  clock: Clock,
  signal: AbortSignal,
  hear: HearPause,
  known: () => void,
): Promise<void> {
  let nap = new AbortController()
  client.on('notification', () => nap.abort())
  client.on('end', () => nap.abort())
  while (!signal.aborted) {
    nap = new AbortController()
    const { rows } = await client.query<{ name: string; leftMs: number }>(`
      select name, (extract(epoch from until - clock_timestamp()) * 1000)::float8 as "leftMs"
      from patchbay.pause where until > clock_timestamp()`)
    for (const { name, leftMs } of rows) hear(name, clock.now() + leftMs)
    known()
    await clock.sleep(limits.eventCheckMs, AbortSignal.any([signal, nap.signal])).catch(() => {})
  }
}
