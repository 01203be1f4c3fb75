import { AppError } from './errors.ts'
import { within } from './hierarchy.ts'

/** Who did something. This is what is stored: what they may do is asked anew each time. */
export interface Author {
  id: string
  name: string
  kind: 'person' | 'token' | 'system'
}

/**
 * Who acts: the first argument of every operation. A person holds a grant for each role they were
 * given. `bounds` is what an API token narrows its owner to: both must allow.
 */
export interface Actor extends Author {
  grants: readonly Grant[]
  bounds?: Grant
}

/** What may be done at and below the node of a path. */
export interface Grant {
  scope: string
  permissions: readonly Permission[]
}

/** What may be done now by who did something earlier; undefined: nothing any more. */
export type ActorNow = (authorId: string) => Promise<Actor | undefined>

export function authorOf({ id, name, kind }: Author): Author {
  return { id, name, kind }
}

export const operations = [
  'Create',
  'Read',
  'Update',
  'Delete',
  'Export',
  'Bulk Update',
  'Purge',
  'Execute',
] as const
export type Operation = (typeof operations)[number]

/** `type` is a model type (`device/msgraph/MSOLUser`), a wildcard (`device/msgraph/*`) or `*`. */
export interface Permission {
  type: string
  operations: readonly Operation[]
}

/** Ignores case, as the model types of permissions always do. The most specific type decides. */
export function isPermitted(
  permissions: readonly Permission[],
  operation: Operation,
  type: string,
): boolean {
  const wanted = type.toLowerCase()
  let best: Permission | undefined
  let bestRank = -1
  for (const permission of permissions) {
    const rank = matchRank(permission.type.toLowerCase(), wanted)
    if (rank > bestRank) [best, bestRank] = [permission, rank]
  }
  return best?.operations.includes(operation) ?? false
}

/** How specifically a pattern names a type: -1 not at all, a wildcard by what stands before it. */
function matchRank(pattern: string, type: string): number {
  if (!pattern.endsWith('*')) return pattern === type ? Number.POSITIVE_INFINITY : -1
  return type.startsWith(pattern.slice(0, -1)) ? pattern.length : -1
}

/**
 * The one decision about access. What lies outside every grant is not-found, so that its existence
 * stays unknown; what lies inside but needs more rights is not-permitted.
 */
export function requirePermission(
  actor: Actor,
  operation: Operation,
  type: string,
  nodePath: string,
): void {
  if (!scopesOf(actor).some((scope) => within(nodePath, scope))) {
    throw new AppError('not-found', 'There is no such object within your scope.')
  }
  if (!mayDo(actor, operation, type, nodePath)) throw notPermitted(operation, type)
}

/** The decision without the refusal. */
export function mayDo(actor: Actor, operation: Operation, type: string, nodePath: string): boolean {
  const allows = ({ scope, permissions }: Grant) =>
    within(nodePath, scope) && isPermitted(permissions, operation, type)
  return actor.grants.some(allows) && (actor.bounds === undefined || allows(actor.bounds))
}

/** The paths at and below which the actor holds anything: where a look-up by id may look. */
export function scopesOf(actor: Actor): string[] {
  return scopesWhere(actor, () => true)
}

/**
 * The paths at and below which the actor may do `operation` on objects of `type`: where a list
 * reads. Throws `not-permitted` when there are none.
 */
export function scopesPermitted(actor: Actor, operation: Operation, type: string): string[] {
  const scopes = scopesWhere(actor, ({ permissions }) => isPermitted(permissions, operation, type))
  if (scopes.length === 0) throw notPermitted(operation, type)
  return scopes
}

/** None lies within another. */
function scopesWhere({ grants, bounds }: Actor, holds: (grant: Grant) => boolean): string[] {
  if (bounds !== undefined && !holds(bounds)) return []
  const paths = new Set<string>()
  for (const grant of grants) {
    if (!holds(grant)) continue
    if (bounds === undefined || within(grant.scope, bounds.scope)) paths.add(grant.scope)
    else if (within(bounds.scope, grant.scope)) paths.add(bounds.scope)
  }
  const isOuter = (path: string) =>
    ![...paths].some((other) => other !== path && within(path, other))
  return [...paths].filter(isOuter).sort()
}

/**
 * Nobody confers more than they hold. Throws `not-permitted` unless the actor may do, at and below
 * the grant's node, all that the grant allows.
 */
export function requireHolds(actor: Actor, grant: Grant): void {
  const beyond = firstBeyond(actor, grant)
  if (beyond === undefined) return
  throw new AppError(
    'not-permitted',
    `This would confer ${beyond.operation} on ${beyond.type}, which you do not hold there yourself. Nothing was changed; ask somebody who does.`,
  )
}

/**
 * Each pattern of either side stands for the types it alone decides, so that asking for one such
 * type of each pattern asks for all types there can be.
 */
function firstBeyond(
  actor: Actor,
  { scope, permissions }: Grant,
): { operation: Operation; type: string } | undefined {
  const held = [...actor.grants, ...(actor.bounds ? [actor.bounds] : [])]
  const patterns = new Set([permissions, ...held.map((grant) => grant.permissions)].flat())
  for (const { type } of patterns) {
    const sample = type.replace(/\*$/, '\u{10ffff}')
    for (const operation of operations) {
      const isConferred = isPermitted(permissions, operation, sample)
      if (isConferred && !mayDo(actor, operation, sample, scope)) return { operation, type }
    }
  }
  return undefined
}

export function notPermitted(operation: Operation, type: string): AppError {
  return new AppError(
    'not-permitted',
    `${operation} on ${type} is not among your permissions; ask an administrator of your node for it.`,
  )
}

export const allPermissions: readonly Permission[] = [{ type: '*', operations }]
