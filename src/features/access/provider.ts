import { type Actor, mayDo, notPermitted, type Operation } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import { isUniqueViolation } from '../../store/errors.ts'
import { rootPath } from '../hierarchy/root.ts'

/**
 * Profiles and roles are the provider's. They are no secret to whoever gives roles, so what lies
 * above somebody's node is refused here and not hidden.
 */
export function requireAtTop(actor: Actor, operation: Operation, type: string): void {
  if (!mayDo(actor, operation, type, rootPath)) throw notPermitted(operation, type)
}

/** Throws `conflict` where `write` meets another of the same name. */
export async function orNameTaken<T>(
  what: 'profile' | 'role',
  write: () => Promise<T>,
): Promise<T> {
  try {
    return await write()
  } catch (error) {
    const index = what === 'role' ? 'role_name' : 'access_profile_name'
    if (!isUniqueViolation(error, index)) throw error
    throw new AppError(
      'conflict',
      `There is already a ${what} of this name (case does not count). Nothing was changed; choose another name.`,
      { fields: [{ field: 'body.name', problem: 'is taken' }] },
    )
  }
}
