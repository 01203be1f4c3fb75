import { sql } from 'kysely'
import { type Author, authorOf, type Grant, type Permission } from '../../core/actor.ts'
import type { Tx } from '../../store/scope.ts'
import type { RoleTable } from '../../store/tables/access.ts'
import { toJsonb } from '../../store/text.ts'

export interface ProfileRow {
  id: number
  name: string
  description: string
  origin: 'shipped' | 'own'
  permissions: Permission[]
  updatedAt: Date
}

const profileColumns = [
  ...(['id', 'name', 'description', 'origin', 'permissions', 'updated_at as updatedAt'] as const),
] as const

export async function selectProfiles(tx: Tx, after: number, limit: number): Promise<ProfileRow[]> {
  return await tx
    .selectFrom('access_profile')
    .select(profileColumns)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute()
}

/** With `update` nobody changes it, with `share` it stays as it is, until the transaction ends. */
export async function selectProfile(
  tx: Tx,
  id: number,
  lock?: 'share' | 'update',
): Promise<ProfileRow | undefined> {
  const query = tx.selectFrom('access_profile').select(profileColumns).where('id', '=', id)
  if (lock === 'share') return await query.forShare().executeTakeFirst()
  if (lock === 'update') return await query.forUpdate().executeTakeFirst()
  return await query.executeTakeFirst()
}

export type ProfileValues = Pick<ProfileRow, 'name' | 'description'> & {
  permissions: readonly Permission[]
}

function storable({ name, description, permissions }: ProfileValues) {
  return { name, description, permissions: toJsonb([...permissions]) }
}

export async function insertProfile(tx: Tx, profile: ProfileValues): Promise<ProfileRow> {
  return await tx
    .insertInto('access_profile')
    .values({ ...storable(profile), origin: 'own' })
    .returning(profileColumns)
    .executeTakeFirstOrThrow()
}

export async function updateProfile(
  tx: Tx,
  id: number,
  profile: ProfileValues,
): Promise<ProfileRow> {
  return await tx
    .updateTable('access_profile')
    .set({ ...storable(profile), updated_at: sql`now()` })
    .where('id', '=', id)
    .returning(profileColumns)
    .executeTakeFirstOrThrow()
}

export async function deleteProfileRow(tx: Tx, id: number): Promise<void> {
  await tx.deleteFrom('access_profile').where('id', '=', id).execute()
}

export interface RoleRow {
  id: number
  name: string
  kind: RoleTable['kind']
  origin: RoleTable['origin']
  profileId: number
  profile: string
  permissions: Permission[]
}

function roles(tx: Tx) {
  return tx
    .selectFrom('role')
    .innerJoin('access_profile', 'access_profile.id', 'role.profile_id')
    .select(['role.id', 'role.name', 'role.kind', 'role.origin', 'role.profile_id as profileId'])
    .select(['access_profile.name as profile', 'access_profile.permissions'])
}

export async function selectRoles(tx: Tx, after: number, limit: number): Promise<RoleRow[]> {
  return await roles(tx).where('role.id', '>', after).orderBy('role.id').limit(limit).execute()
}

/** With a lock role and profile stay as they are until the transaction ends. */
export async function selectRole(tx: Tx, id: number, lock = false): Promise<RoleRow | undefined> {
  const query = roles(tx).where('role.id', '=', id)
  return await (lock ? query.forShare() : query).executeTakeFirst()
}

export async function selectRoleOfProfile(tx: Tx, profileId: number): Promise<string | undefined> {
  const row = await tx
    .selectFrom('role')
    .select('name')
    .where('profile_id', '=', profileId)
    .limit(1)
    .executeTakeFirst()
  return row?.name
}

export async function insertRole(
  tx: Tx,
  role: { name: string; profileId: number; kind: RoleRow['kind'] },
): Promise<number> {
  const { id } = await tx
    .insertInto('role')
    .values({ name: role.name, profile_id: role.profileId, kind: role.kind, origin: 'own' })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

export async function deleteRoleRow(tx: Tx, id: number): Promise<void> {
  await tx.deleteFrom('role').where('id', '=', id).execute()
}

/** One start at a time looks at what is shipped. Held until the commit. */
export async function lockShipped(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('patchbay access'))`.execute(tx)
}

export async function selectShippedProfiles(tx: Tx): Promise<ProfileRow[]> {
  return await tx
    .selectFrom('access_profile')
    .select(profileColumns)
    .where('origin', '=', 'shipped')
    .execute()
}

export async function selectShippedRoleNames(tx: Tx): Promise<string[]> {
  const rows = await tx.selectFrom('role').select('name').where('origin', '=', 'shipped').execute()
  return rows.map(({ name }) => name)
}

export async function putShippedProfile(tx: Tx, profile: ProfileValues): Promise<void> {
  const { name, description } = profile
  const permissions = toJsonb([...profile.permissions])
  await sql`
    insert into access_profile (name, description, origin, permissions)
    values (${name}, ${description}, 'shipped', ${permissions}::jsonb)
    on conflict (lower(name)) do update
    set description = excluded.description, permissions = excluded.permissions, updated_at = now()
    where access_profile.origin = 'shipped'`.execute(tx)
}

export async function addShippedRole(
  tx: Tx,
  role: { name: string; profile: string; kind: RoleRow['kind'] },
): Promise<void> {
  await sql`
    insert into role (name, profile_id, kind, origin)
    select ${role.name}, id, ${role.kind}, 'shipped' from access_profile
    where name = ${role.profile} and origin = 'shipped'
    on conflict do nothing`.execute(tx)
}

/** What the roles of a person allow, where, whatever the scope of the transaction. */
export async function selectGrantsOf(tx: Tx, personId: number): Promise<Grant[]> {
  const { rows } = await sql<{
    grants: Grant[]
  }>`select grants from person_now(${personId})`.execute(tx)
  return rows.flatMap(({ grants }) => grants)
}

export interface RoleGrantRow {
  id: number
  personId: number
  /** Null where the person's own node lies outside the scope of the transaction. */
  person: string | null
  roleId: number
  role: string
  nodeId: number
  nodePath: string
  grantedBy: Author
  grantedAt: Date
}

function roleGrants(tx: Tx) {
  return tx
    .selectFrom('role_grant as given')
    .innerJoin('role', 'role.id', 'given.role_id')
    .leftJoin('person', 'person.id', 'given.person_id')
    .select(['given.id', 'given.person_id as personId', 'person.name as person'])
    .select(['given.role_id as roleId', 'role.name as role', 'given.node_id as nodeId'])
    .select(['given.node_path as nodePath', 'given.granted_by as grantedBy'])
    .select('given.granted_at as grantedAt')
}

export async function selectRoleGrants(
  tx: Tx,
  of: { personId: number | undefined },
  after: number,
  limit: number,
): Promise<RoleGrantRow[]> {
  const query = roleGrants(tx).where('given.id', '>', after).orderBy('given.id').limit(limit)
  if (of.personId === undefined) return await query.execute()
  return await query.where('given.person_id', '=', of.personId).execute()
}

export async function selectRoleGrant(tx: Tx, id: number): Promise<RoleGrantRow | undefined> {
  return await roleGrants(tx).where('given.id', '=', id).executeTakeFirst()
}

export async function insertRoleGrant(
  tx: Tx,
  given: { personId: number; roleId: number; nodeId: number; nodePath: string; by: Author },
): Promise<number> {
  const { id } = await tx
    .insertInto('role_grant')
    .values({
      ...{ person_id: given.personId, role_id: given.roleId, node_id: given.nodeId },
      ...{ node_path: given.nodePath, granted_by: toJsonb(authorOf(given.by)) },
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

export async function deleteRoleGrantRow(tx: Tx, id: number): Promise<void> {
  await tx.deleteFrom('role_grant').where('id', '=', id).execute()
}

export async function countRoleGrants(
  tx: Tx,
  of: { personId: number } | { roleId: number },
): Promise<number> {
  const count = tx.selectFrom('role_grant').select((row) => row.fn.countAll<number>().as('count'))
  const { count: found } = await ('personId' in of
    ? count.where('person_id', '=', of.personId)
    : count.where('role_id', '=', of.roleId)
  ).executeTakeFirstOrThrow()
  return found
}

/** Locked, so that they are still there, and still belong there, when a role is given to them. */
export async function selectPersonPlace(
  tx: Tx,
  id: number,
): Promise<{ name: string; nodePath: string } | undefined> {
  return await tx
    .selectFrom('person')
    .select(['name', 'node_path as nodePath'])
    .where('id', '=', id)
    .forShare()
    .executeTakeFirst()
}

/** The models that tell who holds roles at Microsoft; those behind a group its members tell. */
export const roleModels: readonly string[] = [
  'device/msgraph/RoleAssignment',
  'device/msgraph/DirectoryRole',
]
const groupModel = 'device/msgraph/Groups'

/**
 * Whether what was stored of roles and groups tells of everybody who holds a role: a list of roles
 * and the one of groups were read to their ends, none of them waits to be read anew, and no rule
 * leaves out anything of them but removals, whoever set it. Neither does a scope, but that of
 * groups may where all who hold a role were taken in.
 */
export async function areRolesKnown(tx: Tx, tenantId: number): Promise<boolean> {
  const { rows } = await sql<{ known: boolean | null }>`
    with told as (
      select model.name = ${groupModel} as is_group, listed_at is not null as listed,
        state.model_id is not null and listed_at is null as due,
        exists (select from sync_rule rule where rule.tenant_id = ${tenantId}
          and rule.model_id = model.id and disabled && '{read,add,update}') as ruled,
        exists (select from sync_scope scope where scope.tenant_id = ${tenantId}
          and scope.model_id = model.id) as scoped
      from model left join sync_state state
        on state.model_id = model.id and state.tenant_id = ${tenantId}
      where model.name = any(${[...roleModels, groupModel]}))
    select bool_or(listed) filter (where not is_group) and bool_or(listed) filter (where is_group)
      and not bool_or(due or ruled or (scoped and not is_group))
      and (not bool_or(scoped) or not exists (
        select from link where tenant_id = ${tenantId} and kind in ('roleHolder', 'roleAssignment')
          and not exists (select from model join resource on model_id = model.id
            where resource.tenant_id = link.tenant_id and key = to_key
              and removed_at is null))) as known
    from told`.execute(tx)
  return rows[0]?.known === true
}

/**
 * The names of those among the objects that hold a role of the directory, or are in a group that
 * does, however deep. Goes up from the objects: few groups have somebody, many are in a group.
 */
export async function selectRoleHolders(
  tx: Tx,
  tenantId: number,
  keys: readonly string[],
): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    with recursive above (key, of) as (
      select key, key from unnest(${keys}::text[] collate "C") as key
      union
      select link.from_key, above.of from link join above on link.to_key = above.key
      where link.tenant_id = ${tenantId} and link.kind = 'member')
    select coalesce((select name from resource where tenant_id = ${tenantId} and key = above.of
      limit 1), above.of) as name
    from above where exists (
      select from link where tenant_id = ${tenantId} and to_key = above.key
        and kind in ('roleHolder', 'roleAssignment'))
    order by 1 limit 1`.execute(tx)
  return rows.map(({ name }) => name)
}
