import { sql } from 'kysely'

/** `now`, but not before the row was made: by another clock, or before this one was put back. */
export function onceCreated(now: Date) {
  return sql<Date>`greatest(created_at, ${now}::timestamptz)`
}
