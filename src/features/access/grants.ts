import type { Static } from 'typebox'
import type { RoleGrant, roleRoutes } from '../../contract/access.ts'
import type { RouteInput } from '../../contract/route.ts'
import { type Actor, requireHolds, requirePermission, scopesOf } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import { within } from '../../core/hierarchy.ts'
import { limits } from '../../core/limits.ts'
import type { Database } from '../../store/database.ts'
import { isUniqueViolation } from '../../store/errors.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { permittedNode } from '../hierarchy/access.ts'
import { kindsTo, movedMeanwhile } from '../hierarchy/nodes.ts'
import { listById } from '../operation/listById.ts'
import { notFound } from '../operation/notFound.ts'
import type { PageOf, PageQuery } from '../operation/paging.ts'
import { record } from '../operation/record.ts'
import * as queries from './queries.ts'

const grantType = 'data/RoleGrant'
export type RoleGrantAnswer = Static<typeof RoleGrant>
type GrantInput = RouteInput<typeof roleRoutes.grant>['body']

/** Who holds which role at the nodes within the scope, oldest first. */
export async function listRoleGrants(
  actor: Actor,
  db: Database,
  query: PageQuery & { personId?: number | undefined },
): Promise<PageOf<RoleGrantAnswer>> {
  return await listById(
    { actor, db, type: grantType },
    query,
    (tx, after, limit) => queries.selectRoleGrants(tx, { personId: query.personId }, after, limit),
    showGrant,
  )
}

/**
 * Gives a person of the node, or of one above it, a role there. Throws `not-permitted` where the
 * role allows more than the giver holds at that node, `conflict` where it is for another kind of
 * node, or held already.
 */
export async function grantRole(
  actor: Actor,
  db: Database,
  { personId, roleId, nodeId }: GrantInput,
): Promise<RoleGrantAnswer> {
  const { path } = await inScope(db, scopesOf(actor), (tx) =>
    permittedNode(tx, actor, 'Create', grantType, nodeId),
  )
  const kinds = await kindsTo(db, path)
  return await inScope(db, scopesOf(actor), async (tx) => {
    const node = await permittedNode(tx, actor, 'Create', grantType, nodeId, 'share')
    if (node.path !== path) throw movedMeanwhile()
    const person = await queries.selectPersonPlace(tx, personId)
    if (person === undefined) throw notFound('person')
    requireBelongsThere(person, node)
    const role = await queries.selectRole(tx, roleId, true)
    if (role === undefined) throw notFound('role')
    const kind = kinds.findLast((each) => each !== 'intermediate')
    if (role.kind !== kind) {
      const why = `${role.name} is a role for a ${role.kind}, and ${node.name} is at a ${kind}.`
      throw new AppError('conflict', `${why} Nothing was changed; choose another role or node.`)
    }
    requireHolds(actor, { scope: node.path, permissions: role.permissions })
    await requireRoom(tx, personId, person.name)
    await record(tx, actor, {
      nodePath: node.path,
      action: 'role.grant',
      subject: `person:${personId}`,
      detail: { person: person.name, role: role.name, roleId, nodeId },
    })
    const given = { personId, roleId, nodeId, nodePath: node.path, by: actor }
    const id = await orHeldAlready(() => queries.insertRoleGrant(tx, given))
    return showGrant((await queries.selectRoleGrant(tx, id)) ?? missing())
  })
}

/** Their administrators could become them, and so reach where they do not look after anything. */
function requireBelongsThere(
  person: { name: string; nodePath: string },
  node: { name: string; path: string },
): void {
  if (within(node.path, person.nodePath)) return
  throw new AppError(
    'conflict',
    `${person.name} belongs to another part of the hierarchy than ${node.name}. Nothing was changed; people hold roles at their own node and below.`,
  )
}

async function requireRoom(tx: Tx, personId: number, name: string): Promise<void> {
  if ((await queries.countRoleGrants(tx, { personId })) < limits.grantsPerPerson) return
  throw new AppError(
    'conflict',
    `${name} holds ${limits.grantsPerPerson} roles, which is the most. Nothing was changed; give one at a node above instead.`,
  )
}

async function orHeldAlready<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (!isUniqueViolation(error, 'role_grant_person_id_role_id_node_id_key')) throw error
    throw new AppError('conflict', 'They hold this role there already. Nothing was changed.')
  }
}

/** Takes effect with the next request of that person, and ends what they follow. */
export async function revokeRole(actor: Actor, db: Database, grantId: number): Promise<void> {
  await inScope(db, scopesOf(actor), async (tx) => {
    const given = (await queries.selectRoleGrant(tx, grantId)) ?? missing()
    requirePermission(actor, 'Delete', grantType, given.nodePath)
    const { personId, role, nodeId } = given
    await record(tx, actor, {
      nodePath: given.nodePath,
      action: 'role.revoke',
      subject: `person:${personId}`,
      detail: { role, nodeId },
    })
    await queries.deleteRoleGrantRow(tx, grantId)
  })
}

function missing(): never {
  throw notFound('role of a person')
}

function showGrant({ nodePath: _, grantedBy, grantedAt, ...row }: queries.RoleGrantRow) {
  return { ...row, grantedBy: grantedBy.name, grantedAt: grantedAt.toISOString() }
}
