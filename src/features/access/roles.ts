import type { Static } from 'typebox'
import type { Role, roleRoutes } from '../../contract/access.ts'
import type { RouteInput } from '../../contract/route.ts'
import { type Actor, requireHolds, scopesPermitted } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import type { Database } from '../../store/database.ts'
import { inScope } from '../../store/scope.ts'
import { rootPath } from '../hierarchy/root.ts'
import { requireConfirmation } from '../operation/confirm.ts'
import { listById } from '../operation/listById.ts'
import { notFound } from '../operation/notFound.ts'
import type { PageOf, PageQuery } from '../operation/paging.ts'
import { record } from '../operation/record.ts'
import { orNameTaken, requireAtTop } from './provider.ts'
import * as queries from './queries.ts'

const roleType = 'data/Role'
export type RoleAnswer = Static<typeof Role>
type CreateInput = RouteInput<typeof roleRoutes.create>['body']

export async function listRoles(
  actor: Actor,
  db: Database,
  query: PageQuery,
): Promise<PageOf<RoleAnswer>> {
  return await listById({ actor, db, type: roleType }, query, queries.selectRoles, showRole)
}

export async function readRole(actor: Actor, db: Database, roleId: number): Promise<RoleAnswer> {
  const scopes = scopesPermitted(actor, 'Read', roleType)
  return await inScope(db, scopes, async (tx) =>
    showRole((await queries.selectRole(tx, roleId)) ?? missing()),
  )
}

/** Throws `not-permitted` where its profile allows more than its maker holds at the top. */
export async function createRole(
  actor: Actor,
  db: Database,
  { name, profileId, kind }: CreateInput,
): Promise<RoleAnswer> {
  requireAtTop(actor, 'Create', roleType)
  return await inScope(db, rootPath, async (tx) => {
    const profile = await queries.selectProfile(tx, profileId, 'share')
    if (profile === undefined) throw notFound('access profile')
    requireHolds(actor, { scope: rootPath, permissions: profile.permissions })
    const detail = { name, profile: profile.name, kind }
    const subject = `role:${name}`
    await record(tx, actor, { nodePath: rootPath, action: 'role.create', subject, detail })
    const role = { name, profileId, kind }
    const id = await orNameTaken('role', () => queries.insertRole(tx, role))
    return showRole((await queries.selectRole(tx, id)) ?? missing())
  })
}

/** Throws `conflict` while somebody holds it, `confirmation-required` unless it is named. */
export async function deleteRole(
  actor: Actor,
  db: Database,
  { roleId, confirm }: { roleId: number; confirm?: string | undefined },
): Promise<void> {
  requireAtTop(actor, 'Delete', roleType)
  await inScope(db, rootPath, async (tx) => {
    const { name, origin } = (await queries.selectRole(tx, roleId)) ?? missing()
    const holders = await queries.countRoleGrants(tx, { roleId })
    if (origin === 'shipped' || holders > 0) {
      const why = origin === 'shipped' ? 'comes with Patchbay' : `is given ${holders} times`
      throw new AppError('conflict', `The role ${name} ${why}. Nothing was deleted.`)
    }
    requireConfirmation(confirm, name, `This deletes the role ${name}.`)
    const subject = `role:${roleId}`
    const detail = { name }
    await record(tx, actor, { nodePath: rootPath, action: 'role.delete', subject, detail })
    await queries.deleteRoleRow(tx, roleId)
  })
}

function missing(): never {
  throw notFound('role')
}

function showRole({ permissions: _, ...row }: queries.RoleRow): RoleAnswer {
  return row
}
