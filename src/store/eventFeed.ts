import type pg from 'pg'
import type { Clock } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import type { Database } from './database.ts'
import { type EventCursor, eventChannel, readEvents, type StoredEvent } from './events.ts'
import { keepListening } from './listening.ts'
import type { Scope } from './scope.ts'

/** Tells readers of the outbox when to look again. One per process, however many readers. */
export interface EventFeed {
  /**
   * Events within `scope` after `after`, a batch at a time, waiting for more until the signal is
   * aborted or the feed closed. Errors: those of `readEvents`; go on from the last cursor then.
   */
  follow(
    scope: Scope,
    after: EventCursor,
    options: { subject?: string; signal: AbortSignal },
  ): AsyncGenerator<StoredEvent[]>
  close(): Promise<void>
}

export function createEventFeed(db: Database, clock: Clock): EventFeed {
  const stopping = new AbortController()
  const readers = new Set<() => void>()
  const horizon = createHorizon(clock, stopping.signal, () => readers.size > 0)
  let wakes = 0
  const wakeReaders = () => {
    wakes++
    for (const wake of readers) wake()
  }

  async function* follow(
    scope: Scope,
    after: EventCursor,
    options: { subject?: string; signal: AbortSignal },
  ): AsyncGenerator<StoredEvent[]> {
    const signal = AbortSignal.any([options.signal, stopping.signal])
    const filter = options.subject === undefined ? {} : { subject: options.subject }
    let cursor = after
    while (!signal.aborted) {
      const wakesBefore = wakes
      const events = await readEvents(db, scope, cursor, filter)
      const last = events.at(-1)
      if (last !== undefined) {
        cursor = last.cursor
        yield events
      } else if (wakes === wakesBefore) {
        const woken = nextWake(readers, signal)
        horizon.look()
        await woken
      }
    }
  }

  // While there is no connection readers are woken every `eventPollMs`, which is polling; that a
  // committed event is told is a matter of speed only.
  const listening = keepListening(db, clock, stopping.signal, {
    ...{ name: 'events', channel: eventChannel },
    use: (client) => horizon.watch(client, wakeReaders),
    lost: wakeReaders,
  })
  return {
    follow,
    close: async () => {
      stopping.abort()
      await listening
    },
  }
}

function nextWake(readers: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      readers.delete(wake)
      signal.removeEventListener('abort', wake)
      resolve()
    }
    readers.add(wake)
    signal.addEventListener('abort', wake)
  })
}

/**
 * The oldest transaction still open. An event that was told is readable only behind it, and no
 * further notice comes when an older transaction ends: while one stands between, `watch` looks
 * again and again, and wakes the readers when it has moved. With nobody reading it does not look:
 * that would cost every commit a statement.
 */
function createHorizon(clock: Clock, signal: AbortSignal, isWanted: () => boolean) {
  let nap = new AbortController()

  async function watch(client: pg.Client, wakeReaders: () => void): Promise<void> {
    let told = 0n
    let horizon = 0n
    let checkedAt = 0
    client.on('notification', ({ payload }) => {
      const tx = BigInt(payload ?? '0')
      if (tx > told) told = tx
      if (isWanted()) nap.abort()
    })
    client.on('end', () => {
      checkedAt = 0
      nap.abort()
    })
    while (!signal.aborted) {
      nap = new AbortController()
      if (isWanted() || clock.now() - checkedAt >= limits.eventCheckMs) {
        const { rows } = await client.query<{ tx: string }>(
          'select pg_snapshot_xmin(pg_current_snapshot())::text as tx',
        )
        checkedAt = clock.now()
        const found = BigInt(rows[0]?.tx ?? '0')
        if (found > horizon) wakeReaders()
        horizon = found
      }
      const isBehind = isWanted() && told >= horizon
      const quietMs = isBehind ? limits.eventPollMs : limits.eventCheckMs
      await clock.sleep(quietMs, AbortSignal.any([signal, nap.signal])).catch(() => {})
    }
  }

  return { watch, look: () => nap.abort() }
}
