import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEventFeed } from '../../src/store/eventFeed.ts'
import {
  type EventCursor,
  emit,
  eventsFromNow,
  eventsFromStart,
  formatCursor,
  parseCursor,
  readEvents,
} from '../../src/store/events.ts'
import { inScope, type Tx } from '../../src/store/scope.ts'
import { type FreshDatabase, freshDatabase, systemClock } from './testing.ts'

let fresh: FreshDatabase

beforeAll(async () => {
  fresh = await freshDatabase()
})
afterAll(() => fresh.close())

function emitOne(tx: Tx, subject: string, seq: number, nodePath = '1.2.') {
  return emit(tx, { nodePath, subject, kind: 'test', data: { seq } })
}

function seqs(events: { data: { [key: string]: unknown } }[]): unknown[] {
  return events.map((event) => event.data.seq)
}

test('an event committed late is read once, after a reader has passed its id', async () => {
  const start = await eventsFromNow(fresh.db)
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  let drawn = () => {}
  const hasDrawn = new Promise<void>((resolve) => {
    drawn = resolve
  })
  const slow = inScope(fresh.db, '1.', async (tx) => {
    await emitOne(tx, 'late', 1)
    drawn()
    await held
  })
  await hasDrawn
  await inScope(fresh.db, '1.', (tx) => emitOne(tx, 'late', 2))
  const early = await readEvents(fresh.db, '1.', start, { subject: 'late' })
  expect(seqs(early)).toEqual([])
  release()
  await slow
  expect(seqs(await readUntil(start, 'late', 2))).toEqual([1, 2])
})

/** Other files write on the same server, and their open transactions hold the horizon back. */
async function readUntil(after: EventCursor, subject: string, count: number) {
  for (let attempt = 0; attempt < 200; attempt++) {
    const events = await readEvents(fresh.db, '1.', after, { subject })
    if (events.length >= count) return events
    await systemClock.sleep(20)
  }
  throw new Error(`fewer than ${count} events of ${subject}`)
}

test('many writers, a reader that goes on: nothing is lost or read twice', async () => {
  const total = 400
  const seen: unknown[] = []
  const stop = new AbortController()
  const feed = createEventFeed(fresh.db, systemClock)
  const start = await eventsFromNow(fresh.db)
  const reading = (async () => {
    const options = { subject: 'busy', signal: stop.signal }
    for await (const events of feed.follow('1.', start, options)) {
      seen.push(...seqs(events))
      if (seen.length >= total) stop.abort()
    }
  })()
  const write = async (writer: number) => {
    for (let index = 0; index < total / 8; index++) {
      await inScope(fresh.db, '1.', async (tx) => {
        await emitOne(tx, 'busy', writer * 1_000 + index)
        await sql`select pg_sleep(${((writer * 7 + index * 3) % 10) / 1000})`.execute(tx)
      })
    }
  }
  await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(write))
  await reading
  await feed.close()
  expect(seen).toHaveLength(total)
  expect(new Set(seen).size).toBe(total)
}, 20_000)

test('a reader sees only its scope and its subject, a page at a time', async () => {
  await inScope(fresh.db, '1.', async (tx) => {
    for (let seq = 0; seq < 5; seq++) await emitOne(tx, 'paged', seq)
    await emitOne(tx, 'paged', 99, '1.3.')
    await emitOne(tx, 'other', 98)
  })
  await readUntil(eventsFromStart, 'paged', 6)
  const first = await readEvents(fresh.db, '1.2.', eventsFromStart, { subject: 'paged', limit: 2 })
  const after = first.at(-1)?.cursor ?? eventsFromStart
  const rest = await readEvents(fresh.db, '1.2.', after, { subject: 'paged' })
  expect([seqs(first), seqs(rest)]).toEqual([
    [0, 1],
    [2, 3, 4],
  ])
  const cursor = parseCursor(formatCursor(after))
  expect(cursor).toEqual(after)
})

test('an event of a transaction that failed was never there', async () => {
  const failed = inScope(fresh.db, '1.', async (tx) => {
    await emitOne(tx, 'failed', 1)
    throw new Error('no')
  })
  await expect(failed).rejects.toThrow('no')
  await inScope(fresh.db, '1.', (tx) => emitOne(tx, 'failed', 2))
  expect(seqs(await readUntil(eventsFromStart, 'failed', 1))).toEqual([2])
})

test('a waiting reader is woken by the commit, and still gets events when the listener is cut off', async () => {
  const feed = createEventFeed(fresh.db, systemClock)
  const stop = new AbortController()
  const start = await eventsFromNow(fresh.db)
  const arrivals: { seq: unknown; at: number }[] = []
  const reading = (async () => {
    for await (const events of feed.follow('1.', start, {
      subject: 'woken',
      signal: stop.signal,
    })) {
      for (const seq of seqs(events)) arrivals.push({ seq, at: Date.now() })
    }
  })()
  await systemClock.sleep(300)
  const wakings: number[] = []
  for (let seq = 0; seq < 6; seq++) {
    if (seq === 3) {
      await fresh.db.pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'patchbay events' and datname = current_database()`,
      )
    }
    const committed = Date.now()
    await inScope(fresh.db, '1.', (tx) => emitOne(tx, 'woken', seq))
    for (let wait = 0; wait < 250 && arrivals.length <= seq; wait++) await systemClock.sleep(10)
    wakings.push((arrivals[seq]?.at ?? Number.POSITIVE_INFINITY) - committed)
  }
  stop.abort()
  await reading
  await feed.close()
  expect(arrivals.map((arrival) => arrival.seq)).toEqual([0, 1, 2, 3, 4, 5])
  // A reader who is not told looks again after `eventCheckMs` only, which is 10 s.
  expect(Math.max(...wakings)).toBeLessThan(2_000)
}, 15_000)

test('a cursor from outside is a place or is refused', () => {
  for (const text of ['', '1', '1-', 'a-b', '1-2-3', '1-2; drop', `1-${'9'.repeat(19)}`, '-1-2']) {
    expect(() => parseCursor(text), text).toThrow('Last-Event-ID')
  }
})

test('reading goes by the index however many events others have', async () => {
  await inScope(fresh.db, '1.', async (tx) => {
    await tx.client.query(
      `insert into event (node_path, subject, kind, data)
       select '1.2.', 'bulk:' || n % 50, 'test', '{}' from generate_series(1, 20000) n`,
    )
  })
  const plan = await inScope(fresh.db, '1.2.', async (tx) => {
    await tx.client.query('set local enable_seqscan = off')
    const { rows } = await tx.client.query<{ 'QUERY PLAN': string }>(
      `explain select * from event where (tx, id) > ('5'::xid8, 0) and subject = 'bulk:7'
        and tx < pg_snapshot_xmin(pg_current_snapshot()) order by tx, id limit 100`,
    )
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  })
  expect(plan).toContain('event_subject_tx_id_idx')
  expect(plan).toMatch(/Index Cond:.*ROW\(tx, id\) >/)
})
