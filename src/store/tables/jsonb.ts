import type { ColumnType } from 'kysely'

/** Read as what it holds, written as text: see `tables.ts`. */
export type Jsonb<T, Absent = never> = ColumnType<T | Absent, string | Absent, string | Absent>
