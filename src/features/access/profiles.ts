import type { Static } from 'typebox'
import type { AccessProfile, profileRoutes } from '../../contract/access.ts'
import type { RouteInput } from '../../contract/route.ts'
import { type Actor, type Permission, requireHolds, scopesPermitted } from '../../core/actor.ts'
import { AppError, badInput } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Database } from '../../store/database.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { rootPath } from '../hierarchy/root.ts'
import { requireConfirmation } from '../operation/confirm.ts'
import { listById } from '../operation/listById.ts'
import { notFound } from '../operation/notFound.ts'
import type { PageOf, PageQuery } from '../operation/paging.ts'
import { record } from '../operation/record.ts'
import { orNameTaken, requireAtTop } from './provider.ts'
import * as queries from './queries.ts'

const profileType = 'data/AccessProfile'
export type ProfileAnswer = Static<typeof AccessProfile>
type CreateInput = RouteInput<typeof profileRoutes.create>['body']
type UpdateInput = RouteInput<typeof profileRoutes.update>['body']

/** Of all the provider's, oldest first: who gives roles anywhere has to know what they allow. */
export async function listProfiles(
  actor: Actor,
  db: Database,
  query: PageQuery,
): Promise<PageOf<ProfileAnswer>> {
  return await listById(
    { actor, db, type: profileType },
    query,
    queries.selectProfiles,
    showProfile,
  )
}

export async function readProfile(
  actor: Actor,
  db: Database,
  profileId: number,
): Promise<ProfileAnswer> {
  const scopes = scopesPermitted(actor, 'Read', profileType)
  return await inScope(db, scopes, async (tx) =>
    showProfile((await queries.selectProfile(tx, profileId)) ?? missing()),
  )
}

/** It may be given anywhere, so whoever makes it holds all of it at the top. */
export async function createProfile(
  actor: Actor,
  db: Database,
  input: CreateInput,
): Promise<ProfileAnswer> {
  requireAtTop(actor, 'Create', profileType)
  const { name, description = '' } = input
  const permissions = readPermissions(input.permissions)
  requireHolds(actor, { scope: rootPath, permissions })
  return await inScope(db, rootPath, async (tx) => {
    const detail = { name, permissions: describePermissions(permissions) }
    await record(tx, actor, entry('create', name, detail))
    const values = { name, description, permissions }
    return showProfile(await orNameTaken('profile', () => queries.insertProfile(tx, values)))
  })
}

/** Whoever holds it holds what it says from now on, so all of that takes somebody who does. */
export async function updateProfile(
  actor: Actor,
  db: Database,
  { profileId, ...changes }: UpdateInput & { profileId: number },
): Promise<ProfileAnswer> {
  requireAtTop(actor, 'Update', profileType)
  return await inScope(db, rootPath, async (tx) => {
    const before = await changeable(tx, profileId)
    const permissions = changes.permissions ? readPermissions(changes.permissions) : undefined
    const after = {
      name: changes.name ?? before.name,
      description: changes.description ?? before.description,
      permissions: permissions ?? before.permissions,
    }
    requireHolds(actor, { scope: rootPath, permissions: after.permissions })
    await record(
      tx,
      actor,
      entry('update', String(profileId), {
        before: { name: before.name, permissions: describePermissions(before.permissions) },
        after: { name: after.name, permissions: describePermissions(after.permissions) },
      }),
    )
    return showProfile(
      await orNameTaken('profile', () => queries.updateProfile(tx, profileId, after)),
    )
  })
}

/** Throws `conflict` while a role is made of it, `confirmation-required` unless named. */
export async function deleteProfile(
  actor: Actor,
  db: Database,
  { profileId, confirm }: { profileId: number; confirm?: string | undefined },
): Promise<void> {
  requireAtTop(actor, 'Delete', profileType)
  await inScope(db, rootPath, async (tx) => {
    const { name } = await changeable(tx, profileId)
    const role = await queries.selectRoleOfProfile(tx, profileId)
    if (role !== undefined) {
      const why = `The role ${role} is made of ${name}. Nothing was deleted; delete the role first.`
      throw new AppError('conflict', why)
    }
    requireConfirmation(confirm, name, `This deletes the access profile ${name}.`)
    await record(tx, actor, entry('delete', String(profileId), { name }))
    await queries.deleteProfileRow(tx, profileId)
  })
}

async function changeable(tx: Tx, profileId: number): Promise<queries.ProfileRow> {
  const profile = (await queries.selectProfile(tx, profileId, 'update')) ?? missing()
  if (profile.origin === 'own') return profile
  throw new AppError(
    'conflict',
    `${profile.name} comes with Patchbay and stays as it is. Nothing was changed; make a profile of your own.`,
  )
}

/** Throws `bad-input` for a type named twice: which of the two counts would be chance. */
function readPermissions(given: CreateInput['permissions']): Permission[] {
  const seen = new Set<string>()
  for (const [at, { type }] of given.entries()) {
    const key = type.toLowerCase()
    if (seen.has(key)) {
      throw badInput(`body.permissions.${at}.type`, 'stands there twice (case does not count).')
    }
    seen.add(key)
  }
  return given.map(({ type, operations }) => ({ type, operations: [...new Set(operations)] }))
}

function describePermissions(permissions: readonly Permission[]): string[] {
  return permissions.map(({ type, operations }) => `${operations.join(', ') || 'None'} on ${type}`)
}

function entry(verb: string, which: string, detail: JsonObject) {
  const action = `profile.${verb}`
  return { nodePath: rootPath, action, subject: `profile:${which}`, detail }
}

function missing(): never {
  throw notFound('access profile')
}

function showProfile({ updatedAt, permissions, ...row }: queries.ProfileRow): ProfileAnswer {
  return {
    ...row,
    permissions: permissions.map(({ type, operations }) => ({ type, operations: [...operations] })),
    updatedAt: updatedAt.toISOString(),
  }
}
