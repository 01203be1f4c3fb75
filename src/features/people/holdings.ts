import { type Actor, type Permission, requireHolds } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import { within } from '../../core/hierarchy.ts'
import type { Database } from '../../store/database.ts'
import { inScope } from '../../store/scope.ts'
import { selectGrantsOf } from '../access/queries.ts'
import { rootPath } from '../hierarchy/root.ts'

/** What a token narrows its owner to; without permissions only to the scope. */
export interface Bounds {
  scope: string
  permissions: readonly Permission[] | null
}

/**
 * Throws `not-permitted` unless the actor holds everything that a person holds: what a change needs
 * by which one could act as that person. Read beyond the actor's scope, for what lies there counts.
 */
export async function requireHoldsAllOf(
  db: Database,
  actor: Actor,
  personId: number,
): Promise<void> {
  await requireHoldsWithin(db, actor, personId, { scope: rootPath, permissions: null })
}

/** Likewise of what a person holds within bounds: what a token of theirs would confer. */
export async function requireHoldsWithin(
  db: Database,
  actor: Actor,
  personId: number,
  { scope, permissions }: Bounds,
): Promise<void> {
  const grants = await inScope(db, rootPath, (tx) => selectGrantsOf(tx, personId))
  for (const grant of grants) {
    const outer = within(grant.scope, scope) ? grant.scope : scope
    if (!within(outer, grant.scope) || !within(outer, scope)) continue
    // The token may do what both allow, so holding either of them is holding that.
    if (permissions && holds(actor, { scope: outer, permissions })) continue
    requireHolds(actor, { scope: outer, permissions: grant.permissions })
  }
}

function holds(...given: Parameters<typeof requireHolds>): boolean {
  try {
    requireHolds(...given)
    return true
  } catch (error) {
    if (error instanceof AppError && error.code === 'not-permitted') return false
    throw error
  }
}
