import type { ColumnType } from 'kysely'

/** Read as what it holds, written as text: see `tables.ts`. */
export type Jsonb<T, Absent = never> = ColumnType<T | Absent, string | Absent, string | Absent>

/** The same of a json column, which keeps the text: for what is read whole, never looked into. */
export type JsonText<T> = ColumnType<T, string, string>
