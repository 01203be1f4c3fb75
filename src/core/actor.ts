import { AppError } from './errors.ts'
import { within } from './hierarchy.ts'

/**
 * Who acts: the first argument of every operation. `scope` is the path of the node at and below
 * which they may act; `permissions` are model types with operations.
 */
export interface Actor {
  id: string
  name: string
  kind: 'person' | 'token' | 'system'
  scope: string
  permissions: readonly Permission[]
}

export const operations = ['Create', 'Read', 'Update', 'Delete', 'Export', 'Execute'] as const
export type Operation = (typeof operations)[number]

/** `type` is a model type (`device/msgraph/MSOLUser`), a wildcard (`device/msgraph/*`) or `*`. */
export interface Permission {
  type: string
  operations: readonly Operation[]
}

/** Ignores case, as the model types of permissions always do. The longest matching type decides. */
export function isPermitted(
  permissions: readonly Permission[],
  operation: Operation,
  type: string,
): boolean {
  const wanted = type.toLowerCase()
  let best: Permission | undefined
  for (const permission of permissions) {
    const pattern = permission.type.toLowerCase()
    const matches = pattern.endsWith('*')
      ? wanted.startsWith(pattern.slice(0, -1))
      : wanted === pattern
    if (matches && (best === undefined || pattern.length > best.type.length)) best = permission
  }
  return best?.operations.includes(operation) ?? false
}

/**
 * The one decision about access. What lies outside the actor's scope is not-found, so that its
 * existence stays unknown; what lies inside but needs more rights is not-permitted.
 */
export function requirePermission(
  actor: Actor,
  operation: Operation,
  type: string,
  nodePath: string,
): void {
  if (!within(nodePath, actor.scope)) {
    throw new AppError('not-found', 'There is no such object within your scope.')
  }
  if (!isPermitted(actor.permissions, operation, type)) {
    throw new AppError(
      'not-permitted',
      `${operation} on ${type} is not among your permissions; ask an administrator of your node for it.`,
    )
  }
}

export const allPermissions: readonly Permission[] = [{ type: '*', operations }]
