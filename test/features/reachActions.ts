import { sql } from 'kysely'
import { type Actor, mayDo } from '../../src/core/actor.ts'
import { AppError } from '../../src/core/errors.ts'
import { grantRole, revokeRole } from '../../src/features/access/grants.ts'
import { createProfile, deleteProfile, updateProfile } from '../../src/features/access/profiles.ts'
import { createRole, deleteRole } from '../../src/features/access/roles.ts'
import { createNode, listNodes } from '../../src/features/hierarchy/nodes.ts'
import { deleteNode, moveNode } from '../../src/features/hierarchy/shape.ts'
import {
  createPerson,
  deletePerson,
  invitePerson,
  updatePerson,
} from '../../src/features/people/people.ts'
import { createToken } from '../../src/features/people/tokens.ts'
import { queueScheduled } from '../../src/features/schedules/dueScan.ts'
import { createSchedule } from '../../src/features/schedules/schedules.ts'
import { findActorAgain } from '../../src/server/access.ts'
import { enqueueJob } from '../../src/store/jobs/job.ts'
import { inScope } from '../../src/store/scope.ts'
import { quietLog } from '../store/testing.ts'
import {
  lastingPeople,
  lastingProfiles,
  lastingRoles,
  operations,
  type ReachWorld,
  types,
} from './reachWorld.ts'
import { provider } from './support.ts'

/** What somebody tries; answers the id of whoever they may act as from then on, if anybody. */
export type Action = (world: ReachWorld, actor: Actor) => Promise<string | undefined>

const name = ({ random }: ReachWorld) => `Made ${Math.floor(random() * 1e9)}`
const anywhere = ({ nodes }: ReachWorld) => [1, ...nodes.map(({ id }) => id)]

function somePermissions({ pick, random }: ReachWorld) {
  const type = pick([...types, 'data/*', 'device/*', '*'])
  return [{ type, operations: operations.filter(() => random() < 0.6) }]
}

async function readNodes(world: ReachWorld): Promise<undefined> {
  const { items } = await listNodes(provider, world.bench.store.db, {})
  world.nodes = items.filter(({ id }) => id !== 1)
}

const aboutRoles: Record<string, Action> = {
  async grant({ bench, nodes, people, pick, roles, grants }, actor) {
    const node = pick(nodes)
    const fitting = roles.filter(({ kind }) => kind === node.kind)
    const { id: personId } = pick(people.slice(1))
    const wanted = { personId, roleId: pick(fitting).id, nodeId: node.id }
    grants.push((await grantRole(actor, bench.store.db, wanted)).id)
    return undefined
  },
  async revoke({ bench, grants, pick }, actor) {
    await revokeRole(actor, bench.store.db, pick(grants))
    return undefined
  },
  async widen(world, actor) {
    const { id: profileId } = world.pick(world.profiles)
    const permissions = somePermissions(world)
    await updateProfile(actor, world.bench.store.db, { profileId, permissions })
    return undefined
  },
  async profile(world, actor) {
    const wanted = { name: name(world), permissions: somePermissions(world) }
    world.profiles.push(await createProfile(actor, world.bench.store.db, wanted))
    return undefined
  },
  async dropProfile({ bench, pick, profiles }, actor) {
    const doomed = pick(profiles.slice(lastingProfiles))
    const wanted = { profileId: doomed.id, confirm: doomed.name }
    await deleteProfile(actor, bench.store.db, wanted)
    profiles.splice(profiles.indexOf(doomed), 1)
    return undefined
  },
  async role(world, actor) {
    const kind = world.pick(['reseller', 'customer', 'site'] as const)
    const wanted = { name: name(world), profileId: world.pick(world.profiles).id, kind }
    world.roles.push(await createRole(actor, world.bench.store.db, wanted))
    return undefined
  },
  async dropRole({ bench, pick, roles }, actor) {
    const doomed = pick(roles.slice(lastingRoles))
    await deleteRole(actor, bench.store.db, { roleId: doomed.id, confirm: doomed.name })
    roles.splice(roles.indexOf(doomed), 1)
    return undefined
  },
}

const aboutNodes: Record<string, Action> = {
  /** Within what they may change, for elsewhere they are refused before anything else is asked. */
  async move(world, actor) {
    const { nodes, pick } = world
    const mine = nodes.filter(({ path }) => mayDo(actor, 'Update', 'relation/HierarchyNode', path))
    const { id: nodeId, name: confirm } = pick(mine)
    const kinds = pick([['reseller'], ['customer']])
    const parents = mine.filter(({ kind }) => kinds.includes(kind))
    const wanted = { nodeId, parentId: pick(parents).id, confirm }
    await moveNode(actor, world.bench.store.db, wanted)
    return await readNodes(world)
  },
  async node(world, actor) {
    // A world that grew for ever would get slower with every sequence.
    if (world.nodes.length > 12) throw new AppError('conflict', 'There are enough.')
    const kind = world.pick(['customer', 'site'] as const)
    const wanted = { parentId: world.pick(anywhere(world)), kind, name: name(world) }
    await createNode(actor, world.bench.store.db, wanted)
    return await readNodes(world)
  },
  async dropNode(world, actor) {
    const made = world.nodes.filter((node) => node.name.startsWith('Made'))
    const { id: nodeId, name: confirm } = world.pick(made)
    await deleteNode(actor, world.bench.store.db, { nodeId, confirm })
    return await readNodes(world)
  },
}

const aboutPeople: Record<string, Action> = {
  async hire(world, actor) {
    if (world.people.length > lastingPeople + 4) throw new AppError('conflict', 'There are enough.')
    const login = name(world)
    const wanted = { nodeId: world.pick(anywhere(world)), login, name: login }
    const { id } = await createPerson(actor, world.bench.store, wanted)
    world.people.push({ id, login })
    return undefined
  },
  async leave({ bench, people, pick }, actor) {
    const { id: personId, login: confirm } = pick(people.slice(lastingPeople))
    await deletePerson(actor, bench.store, { personId, confirm })
    people.splice(
      people.findIndex(({ id }) => id === personId),
      1,
    )
    return undefined
  },
  async login(world, actor) {
    const person = world.pick(world.people.slice(1))
    const login = name(world)
    await updatePerson(actor, world.bench.store, { personId: person.id, login })
    person.login = login
    return `person:${person.id}`
  },
  async disable({ bench, people, pick }, actor) {
    const person = pick(people.slice(1))
    await updatePerson(actor, bench.store, { personId: person.id, disabled: true })
    person.disabled = true
    return undefined
  },
  async enable({ bench, people, pick }, actor) {
    const person = pick(people.filter(({ disabled }) => disabled))
    await updatePerson(actor, bench.store, { personId: person.id, disabled: false })
    person.disabled = false
    return undefined
  },
  async invite({ bench, people, pick }, actor) {
    const { id } = pick(people)
    await invitePerson(actor, bench.store, id)
    return `person:${id}`
  },
  async token(world, actor) {
    const { bench, nodes, people, pick, random, tokens } = world
    const { id } = await createToken(actor, bench.store, {
      name: 'Made',
      ...(random() < 0.7 && { personId: pick(people).id }),
      ...(random() < 0.7 && { nodeId: pick(nodes).id }),
      ...(random() < 0.5 && { permissions: somePermissions(world) }),
    })
    tokens.push(id)
    return `token:${id}`
  },
}

const aboutSchedules: Record<string, Action> = {
  async schedule(world, actor) {
    const { bench, models, pick, tenants } = world
    const hourly = { name: name(world), everyMinutes: 60 }
    await createSchedule(actor, { store: bench.store, models }, pick(tenants), hourly)
    return undefined
  },
  /** Nobody's doing: schedules are due, whoever made them and whatever became of their rights. */
  async due({ bench, models }) {
    const { db, clock } = bench.store
    const begun = await inScope(db, '1.', (tx) =>
      sql`update schedule set due_at = now() where due_at is not null`.execute(tx),
    )
    if (begun.numAffectedRows === 0n) throw new AppError('not-found', 'There is no schedule.')
    const actorNow = (id: string) => findActorAgain({ db, clock }, id)
    const jobs = { enqueue: enqueueJob }
    await queueScheduled({ store: bench.store, jobs, models, actorNow, log: quietLog })
    const { rows } = await inScope(db, '1.', (tx) =>
      sql<{ by: string; path: string }>`
        update run set state = 'succeeded' where state = 'queued'
        returning actor ->> 'id' as by, node_path as path`.execute(tx),
    )
    for (const { by, path } of rows) {
      const actor = await actorNow(by)
      if (actor && mayDo(actor, 'Execute', 'data/DataSync', path)) continue
      throw new Error(`${by}, who may not, synced ${path} by a schedule`)
    }
    return undefined
  },
}

export const actions: Readonly<Record<string, Action>> = {
  ...{ ...aboutRoles, ...aboutNodes },
  ...{ ...aboutPeople, ...aboutSchedules },
}
