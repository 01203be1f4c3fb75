import { sql } from 'kysely'
import type { Actor, Grant, Operation, Permission } from '../../src/core/actor.ts'
import { AppError } from '../../src/core/errors.ts'
import { readModelFiles } from '../../src/engine/models/load.ts'
import { createModels, type Models } from '../../src/engine/models/versions/versions.ts'
import { grantRole } from '../../src/features/access/grants.ts'
import { createProfile, updateProfile } from '../../src/features/access/profiles.ts'
import { createRole } from '../../src/features/access/roles.ts'
import type { NodeAnswer } from '../../src/features/hierarchy/nodes.ts'
import { bringShippedModels } from '../../src/features/models/shipped.ts'
import { createPerson } from '../../src/features/people/people.ts'
import { inScope } from '../../src/store/scope.ts'
import { addNode, type Bench, openBench, provider } from './support.ts'

/** What administrators act on in random sequences; the lists follow what was done. */
export interface ReachWorld {
  bench: Bench
  models: Models
  random: () => number
  pick: <T>(list: readonly T[]) => T
  nodes: NodeAnswer[]
  tenants: number[]
  /** The first is the chief, whom nothing takes the rights from. */
  people: { id: number; login: string; disabled?: boolean }[]
  profiles: { id: number; name: string }[]
  roles: { id: number; kind: string; name: string }[]
  grants: number[]
  tokens: number[]
}

export const types = [
  'data/Person',
  'data/RoleGrant',
  'data/AccessProfile',
  'data/DataSync',
  'relation/HierarchyNode',
  'device/x',
]
export const operations: readonly Operation[] = ['Create', 'Read', 'Update', 'Delete', 'Execute']

const given = [['*'], ['data/*'], ['data/*', 'relation/*'], types, types.slice(0, 3)]
const permissionsOf = (allowed: readonly string[]) =>
  allowed.map((type) => ({ type, operations: [...operations] }))

/** What sequences begin with, and what stays: without people of long standing all are powerless. */
export const lastingPeople = 22
export const lastingProfiles = given.length
export const lastingRoles = given.length * 4

export async function openReachWorld(random: () => number): Promise<ReachWorld> {
  const bench = await openBench()
  const { db } = bench.store
  await bringShippedModels(db, await readModelFiles('models'))
  const world: ReachWorld = {
    ...{ bench, models: createModels(db), random },
    pick(list) {
      const one = list[Math.floor(random() * list.length)]
      if (one === undefined) throw new AppError('not-found', 'There is none to pick.')
      return one
    },
    ...{ nodes: [], tenants: [], people: [], profiles: [], roles: [], grants: [], tokens: [] },
  }
  await addNodes(world)
  for (const [at, allowed] of given.entries()) {
    const profile = { name: `Profile ${at}`, permissions: permissionsOf(allowed) }
    world.profiles.push(await createProfile(provider, db, profile))
  }
  for (const [at, { id: profileId }] of world.profiles.entries()) {
    for (const kind of ['provider', 'reseller', 'customer', 'site'] as const) {
      const role = { name: `Role ${at} ${kind}`, profileId, kind }
      world.roles.push(await createRole(provider, db, role))
    }
  }
  await addChief(world)
  await addPeople(world)
  return world
}

async function addNodes({ bench, nodes, tenants }: ReachWorld): Promise<void> {
  for (const name of ['North', 'South']) {
    const reseller = await addNode(bench, 1, 'reseller', name)
    const customers = [1, 2].map((at) => addNode(bench, reseller.id, 'customer', `${name} ${at}`))
    nodes.push(reseller, ...(await Promise.all(customers)))
  }
  for (const { id, kind, name, path } of [...nodes]) {
    if (kind !== 'customer') continue
    nodes.push(await addNode(bench, id, 'site', `Site of ${name}`))
    const { rows } = await inScope(bench.store.db, path, (tx) =>
      sql<{ id: number }>`insert into tenant
        (node_id, node_path, name, microsoft_tenant_id, cloud, settings)
        values (${id}, ${path}, ${name}, gen_random_uuid(), 'global', '{}') returning id`.execute(
        tx,
      ),
    )
    tenants.push(...rows.map((row) => row.id))
  }
}

/** Somebody whom nothing takes the rights from, or in the end nobody could do anything. */
async function addChief({ bench, people }: ReachWorld): Promise<void> {
  const { db } = bench.store
  const chief = { name: 'Chief', permissions: permissionsOf(['*']) }
  const { id: profileId } = await createProfile(provider, db, chief)
  const role = { name: 'Chief', profileId, kind: 'provider' as const }
  const { id: roleId } = await createRole(provider, db, role)
  const input = { nodeId: 1, login: 'chief', name: 'Chief' }
  const { id: personId } = await createPerson(provider, bench.store, input)
  await grantRole(provider, db, { personId, roleId, nodeId: 1 })
  people.push({ id: personId, login: 'chief' })
}

async function addPeople(world: ReachWorld): Promise<void> {
  const { bench, nodes, people, roles, grants, pick } = world
  const homes = [{ id: 1, kind: 'provider' }, ...nodes, ...nodes]
  for (const [at, node] of homes.entries()) {
    const input = { nodeId: node.id, login: `p${at}`, name: `P ${at}` }
    const { id } = await createPerson(provider, bench.store, input)
    people.push({ id, login: input.login })
    const fitting = pick(roles.filter(({ kind }) => kind === node.kind))
    const wanted = { personId: id, roleId: fitting.id, nodeId: node.id }
    if (at % 4 !== 3) grants.push((await grantRole(provider, bench.store.db, wanted)).id)
  }
}

/**
 * Now and then rights come from outside of the sequences, and old ones go: with none left all would
 * be refused, and where everybody held everything nobody could gain.
 */
export async function replenish(world: ReachWorld): Promise<void> {
  const { bench, nodes, people, profiles, roles, grants, pick } = world
  const { db } = bench.store
  for (const [at, allowed] of given.entries()) {
    const permissions = permissionsOf(allowed)
    await updateProfile(provider, db, { profileId: profiles[at]?.id ?? 0, permissions })
  }
  await inScope(db, '1.', async (tx) => {
    const back = people.filter(({ disabled }) => disabled).slice(2)
    const ids = back.map(({ id }) => id)
    await sql`update person set disabled_at = null where id = any(${ids})`.execute(tx)
    for (const person of back) person.disabled = false
    const kept = world.tokens.slice(-8)
    await sql`delete from access_token where person_id is not null and id <> all(${kept})`.execute(
      tx,
    )
    const old = grants.splice(0, Math.max(0, grants.length - 60))
    await sql`delete from role_grant where id = any(${old})`.execute(tx)
    await sql`delete from schedule where id <= (select max(id) - 8 from schedule)`.execute(tx)
    world.tokens = kept
  })
  // Not the chief: nobody may move a node that their own rights rest on.
  for (const { id: personId } of people.slice(1)) {
    const node = pick(nodes)
    const fitting = roles.slice(0, lastingRoles).filter(({ kind }) => kind === node.kind)
    const wanted = { personId, roleId: pick(fitting).id, nodeId: node.id }
    const made = await grantRole(provider, db, wanted).catch(() => undefined)
    if (made) grants.push(made.id)
  }
}

export interface Holder {
  actor: Actor
  /** Where they belong themselves: of a token its owner. */
  home: string
}

/**
 * Everybody who may act, by their id, with the rights they have: read by the tables, not as the
 * product does. Who is disabled may nothing, nor may their tokens.
 */
export async function holdersOf({ bench }: ReachWorld): Promise<Map<string, Holder>> {
  interface Row {
    id: number
    home: string
    scope: string | null
    permissions: Permission[] | null
    token: number | null
    grants: Grant[]
  }
  const { rows } = await inScope(bench.store.db, '1.', (tx) =>
    sql<Row>`
      with holder as (select person.id, node_path as home, coalesce((
          select jsonb_agg(jsonb_build_object('scope', held.node_path, 'permissions', permissions)
            order by held.id)
          from role_grant held join role on role.id = role_id
            join access_profile profile on profile.id = profile_id
          where person_id = person.id), '[]') as grants
        from person where disabled_at is null)
      select *, null::bigint as token, null::text as scope, null::jsonb as permissions from holder
      union all
      select holder.*, token.id, scope, permissions
      from access_token token join holder on holder.id = person_id where ended_at is null`.execute(
      tx,
    ),
  )
  return new Map(
    rows.map(({ id, home, token, scope, permissions, grants }) => {
      const own = { id: token === null ? `person:${id}` : `token:${token}`, name: `P ${id}` }
      const kind = token === null ? ('person' as const) : ('token' as const)
      const all = [{ type: '*', operations: [...everyOperation] }]
      const bounds = scope !== null && { bounds: { scope, permissions: permissions ?? all } }
      return [own.id, { home, actor: { ...own, kind, grants, ...bounds } }] as const
    }),
  )
}

const everyOperation = [...operations, 'Export', 'Bulk Update', 'Purge'] as const
