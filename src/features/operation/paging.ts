import { badInput } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'

export interface PageQuery {
  after?: string | undefined
  limit?: number | undefined
}

export interface PageOf<T> {
  items: T[]
  next: string | null
}

/** Asks for one row more than fits, which tells whether there is a next page. */
export async function readPage<R, T>(
  { limit = limits.listRowsDefault }: PageQuery,
  read: (limit: number) => Promise<R[]>,
  show: (row: R) => T,
  cursorOf: (row: R) => string,
): Promise<PageOf<T>> {
  const size = Math.min(limit, limits.listRowsMax)
  const rows = await read(size + 1)
  const shown = rows.slice(0, size)
  const last = shown.at(-1)
  const more = rows.length > size && last !== undefined
  return { items: shown.map(show), next: more ? cursorOf(last) : null }
}

/** The id behind which a list goes on. Throws bad-input for what no list gave out. */
export function idCursor(after: string | undefined): number {
  if (after === undefined) return 0
  const id = /^\d{1,16}$/.test(after) ? Number(after) : Number.NaN
  if (!Number.isSafeInteger(id)) throw foreignCursor()
  return id
}

export function foreignCursor(): Error {
  return badInput('query.after', 'is not what a list gave as next; leave it away to begin anew.')
}
