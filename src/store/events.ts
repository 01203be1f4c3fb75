import { type QueryCreator, sql } from 'kysely'
import { AppError, badInput } from '../core/errors.ts'
import type { JsonObject } from '../core/json.ts'
import { limits } from '../core/limits.ts'
import type { Database } from './database.ts'
import { inScope, type Scope, type Tx } from './scope.ts'
import type { Tables } from './tables/tables.ts'
import { toJsonb } from './text.ts'

/** The channel on which a commit with events is told; its payload is the transaction's id. */
export const eventChannel = 'patchbay_event'

export interface NewEvent {
  nodePath: string
  tenantId?: number
  /** What it is about: `run:12`. */
  subject: string
  /** What happened: `run.page`. */
  kind: string
  data: JsonObject
}

export interface StoredEvent {
  cursor: EventCursor
  at: Date
  nodePath: string
  tenantId: number | null
  subject: string
  kind: string
  data: JsonObject
}

/** A place in the outbox. Both are 64-bit and stay text here. */
export interface EventCursor {
  tx: string
  id: string
}

/** Records an event and wakes the readers, both only when the transaction commits. */
export async function emit(tx: Tx, event: NewEvent): Promise<void> {
  await announcing(tx, event).execute()
}

/** The statement of `emit`, for one that does something else first: `tx.with('entry', ...)`. */
export function announcing(tx: Pick<QueryCreator<Tables>, 'with'>, event: NewEvent) {
  return tx
    .with('added', (db) =>
      db
        .insertInto('event')
        .values({
          node_path: event.nodePath,
          tenant_id: event.tenantId ?? null,
          subject: event.subject,
          kind: event.kind,
          data: toJsonb(event.data),
        })
        .returning('tx'),
    )
    .selectFrom('added')
    .select(sql`pg_notify(${eventChannel}, added.tx::text)`.as('told'))
}

/**
 * Events within `scope` after a cursor, oldest first. Only those of transactions that ended before
 * every one still open: an id drawn early may commit late, and a reader that had gone past it
 * would never see it. A long transaction therefore delays, but nothing is lost.
 */
export async function readEvents(
  db: Database,
  scope: Scope,
  after: EventCursor,
  filter: { subject?: string; limit?: number } = {},
): Promise<StoredEvent[]> {
  const rows = await inScope(db, scope, (tx) => {
    let query = tx
      .selectFrom('event')
      .select(['tx', sql<string>`id::text`.as('id'), 'at', 'node_path as nodePath'])
      .select(['tenant_id as tenantId', 'subject', 'kind', 'data'])
      .where(sql<boolean>`(tx, id) > (${after.tx}::xid8, ${after.id}::bigint)`)
      .where(sql<boolean>`tx < pg_snapshot_xmin(pg_current_snapshot())`)
      .orderBy('tx')
      .orderBy('event.id')
      .limit(Math.min(filter.limit ?? limits.eventRowsMax, limits.eventRowsMax))
    if (filter.subject !== undefined) query = query.where('subject', '=', filter.subject)
    return query.execute()
  })
  return rows.map(({ tx, id, ...event }) => ({ ...event, cursor: { tx, id } }))
}

/** The place from which on everything is still to come. */
export async function eventsFromNow(db: Database): Promise<EventCursor> {
  const { rows } = await db.pool.query<{ tx: string }>(
    'select pg_snapshot_xmin(pg_current_snapshot())::text as tx',
  )
  return { tx: rows[0]?.tx ?? '0', id: '0' }
}

/**
 * Throws `gone` where events behind the cursor were removed since. Whoever asks from the start
 * (0-0) gets what is kept.
 */
export async function requireKept(db: Database, cursor: EventCursor, field: string): Promise<void> {
  if (cursor.tx === eventsFromStart.tx) return
  const { rows } = await db.pool.query<{ missed: boolean }>(
    'select (tx, id) > ($1::xid8, $2::bigint) as missed from event_swept',
    [cursor.tx, cursor.id],
  )
  if (rows[0]?.missed !== true) return
  const problem =
    'lies before the oldest event that is kept; read the lists anew, then follow events without it'
  throw new AppError('gone', `${field} ${problem}.`, { fields: [{ field, problem }] })
}

export const eventsFromStart: EventCursor = { tx: '0', id: '0' }

/** For `id:` of a server-sent event, and back from Last-Event-ID. */
export function formatCursor(cursor: EventCursor): string {
  return `${cursor.tx}-${cursor.id}`
}

/** Errors: `bad-input` naming the field, where the reader sent it. */
export function parseCursor(text: string, field = 'Last-Event-ID'): EventCursor {
  const [, tx, id] = /^([0-9]{1,18})-([0-9]{1,18})$/.exec(text) ?? []
  if (tx === undefined || id === undefined) {
    throw badInput(field, 'is not one that this server gave out; leave it away to begin anew.')
  }
  return { tx, id }
}
