import { type Actor, scopesPermitted } from '../../core/actor.ts'
import type { Database } from '../../store/database.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { idCursor, type PageOf, type PageQuery, readPage } from './paging.ts'

/** Who reads, where it is kept, and what the permission to read it is called. */
interface Listed {
  actor: Actor
  db: Database
  type: string
}

/**
 * What the actor may read of a type, oldest first. `read` gives rows behind the id `after`, in the
 * order of their ids. Throws `not-permitted`, and `bad-input` for a cursor no list gave out.
 */
export async function listById<R extends { id: number }, T>(
  { actor, db, type }: Listed,
  query: PageQuery,
  read: (tx: Tx, after: number, limit: number) => Promise<R[]>,
  show: (row: R) => T,
): Promise<PageOf<T>> {
  const scopes = scopesPermitted(actor, 'Read', type)
  const after = idCursor(query.after)
  return await inScope(db, scopes, (tx) =>
    readPage(
      query,
      (limit) => read(tx, after, limit),
      show,
      (row) => String(row.id),
    ),
  )
}
