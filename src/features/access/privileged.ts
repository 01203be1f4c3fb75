import { type Actor, mayDo, requirePermission } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import { isJsonObject, type Json } from '../../core/json.ts'
import type { Tx } from '../../store/scope.ts'
import { areRolesKnown, roleModels, selectRoleHolders } from './queries.ts'

/** The type by which access profiles name people with power at Microsoft. */
export const privilegedType = 'data/PrivilegedUser'

/**
 * Whoever may set the password of a Global Administrator is one. So changing somebody who holds a
 * role of the directory, by themselves or through a group, and changing such a group takes Update
 * on a type of its own. Where it is not known who holds one, it takes that for everybody.
 *
 * `about`: what names objects by `key`. Throws `not-permitted`, before anything is asked of
 * Microsoft.
 */
export async function requirePrivileged(
  tx: Tx,
  actor: Actor,
  { tenantId, nodePath }: { tenantId: number; nodePath: string },
  about: readonly (Json | undefined)[],
): Promise<void> {
  if (mayDo(actor, 'Update', privilegedType, nodePath)) return
  const keys = about.flatMap((named) =>
    isJsonObject(named) && typeof named.key === 'string' ? [named.key] : [],
  )
  if (keys.length === 0) return
  if (!(await areRolesKnown(tx, tenantId))) {
    throw new AppError(
      'not-permitted',
      `It is not known yet who of this tenant is an administrator at Microsoft, and changing one takes Update on ${privilegedType}. Nothing was changed; sync device/msgraph/RoleAssignment and device/msgraph/Groups first, with nothing left out of them.`,
    )
  }
  const [holder] = await selectRoleHolders(tx, tenantId, keys)
  if (holder === undefined) return
  throw new AppError(
    'not-permitted',
    `${holder} is an administrator at Microsoft, or gives somebody such a role. Changing that takes Update on ${privilegedType}, which is not among your permissions. Nothing was changed.`,
  )
}

/**
 * For what decides how much syncs take in of a model. What tells who holds roles is nothing to be
 * left out by those whom that would let change more. Throws `not-permitted`.
 */
export function requireMayLeaveOut(actor: Actor, model: string, nodePath: string): void {
  if (!roleModels.includes(model)) return
  requirePermission(actor, 'Update', privilegedType, nodePath)
}
