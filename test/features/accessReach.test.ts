import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Actor, type Grant, mayDo, type Operation } from '../../src/core/actor.ts'
import { AppError } from '../../src/core/errors.ts'
import { grantRole, revokeRole } from '../../src/features/access/grants.ts'
import { createProfile, updateProfile } from '../../src/features/access/profiles.ts'
import { selectGrantsOf } from '../../src/features/access/queries.ts'
import { createRole } from '../../src/features/access/roles.ts'
import { type NodeAnswer, readNode } from '../../src/features/hierarchy/nodes.ts'
import { moveNode } from '../../src/features/hierarchy/shape.ts'
import { createPerson, invitePerson } from '../../src/features/people/people.ts'
import { createToken } from '../../src/features/people/tokens.ts'
import { findActorAgain } from '../../src/server/access.ts'
import { inScope } from '../../src/store/scope.ts'
import { figure, fullSize } from '../figures/figure.ts'
import { addNode, type Bench, openBench, provider } from './support.ts'

/**
 * Sequences of what administrators do, by chance. Whoever acts may be refused; whatever was done,
 * nobody may afterwards hold what the one who did it did not hold there. A sequence is five actions
 * in a world that goes on. 2,000 actions as a rule; in full size, all 50,000.
 */
const sequences = fullSize ? 10_000 : 400
const seed = Number(process.env.PATCHBAY_SEED ?? Date.now() % 2 ** 31)
const random = mulberry32(seed)

let bench: Bench
let nodes: NodeAnswer[]
let people: number[]
let profiles: number[]
let roles: { id: number; kind: string }[]
let grants: number[]

const db = () => bench.store.db
const types = [
  'data/Person',
  'data/RoleGrant',
  'data/AccessProfile',
  'relation/HierarchyNode',
  'device/x',
]
const operations: readonly Operation[] = ['Create', 'Read', 'Update', 'Delete']

beforeAll(async () => {
  bench = await openBench()
  nodes = []
  for (const name of ['North', 'South']) {
    const reseller = await addNode(bench, 1, 'reseller', name)
    const customers = [1, 2].map((at) => addNode(bench, reseller.id, 'customer', `${name} ${at}`))
    nodes.push(reseller, ...(await Promise.all(customers)))
  }
  for (const { id, kind, name } of [...nodes]) {
    if (kind === 'customer') nodes.push(await addNode(bench, id, 'site', `Site of ${name}`))
  }
  people = []
  profiles = []
  roles = []
  grants = []
  for (const [at, allowed] of given.entries()) {
    const permissions = allowed.map((type) => ({ type, operations: [...operations] }))
    profiles.push((await createProfile(provider, db(), { name: `Profile ${at}`, permissions })).id)
  }
  for (const [at, profileId] of profiles.entries()) {
    for (const kind of ['provider', 'reseller', 'customer', 'site'] as const) {
      roles.push(await createRole(provider, db(), { name: `Role ${at} ${kind}`, profileId, kind }))
    }
  }
  await addChief()
  const homes = [{ id: 1, kind: 'provider' }, ...nodes, ...nodes]
  for (const [at, node] of homes.entries()) {
    const input = { nodeId: node.id, login: `p${at}`, name: `P ${at}` }
    const { id } = await createPerson(provider, bench.store, input)
    people.push(id)
    const fitting = pick(roles.filter(({ kind }) => kind === node.kind))
    const given = { personId: id, roleId: fitting.id, nodeId: node.id }
    if (at % 4 !== 3) grants.push((await grantRole(provider, db(), given)).id)
  }
})
afterAll(() => bench.close())

const given = [['*'], ['data/*'], ['data/*', 'relation/*'], types, types.slice(0, 3)]

/** Chance takes more rights than it gives: now and then some come from outside of the sequences. */
async function replenish(): Promise<void> {
  for (const [at, allowed] of given.entries()) {
    const permissions = allowed.map((type) => ({ type, operations: [...operations] }))
    await updateProfile(provider, db(), { profileId: profiles[at] ?? 0, permissions })
  }
  // Not the chief: nobody may move a node that their own rights rest on.
  for (const personId of people.slice(1)) {
    const node = pick(nodes)
    const fitting = roles.slice(0, given.length * 4).filter(({ kind }) => kind === node.kind)
    const wanted = { personId, roleId: pick(fitting).id, nodeId: node.id }
    const made = await grantRole(provider, db(), wanted).catch(() => undefined)
    if (made) grants.push(made.id)
  }
}

/** Somebody whom nothing takes the rights from, or in the end nobody could do anything. */
async function addChief(): Promise<void> {
  const permissions = [{ type: '*', operations: [...operations] }]
  const { id: profileId } = await createProfile(provider, db(), { name: 'Chief', permissions })
  const role = { name: 'Chief', profileId, kind: 'provider' as const }
  const { id: roleId } = await createRole(provider, db(), role)
  const input = { nodeId: 1, login: 'chief', name: 'Chief' }
  const { id: personId } = await createPerson(provider, bench.store, input)
  await grantRole(provider, db(), { personId, roleId, nodeId: 1 })
  people.push(personId)
}

const pick = <T>(list: readonly T[]): T => {
  const one = list[Math.floor(random() * list.length)]
  if (one === undefined) throw new RangeError('there is none to pick')
  return one
}

/** From a seed, so that a failure can be had again (Tommy Ettinger's mulberry32). */
function mulberry32(start: number): () => number {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const somePermissions = () => [
  {
    type: pick([...types, 'data/*', 'device/*', '*']),
    operations: operations.filter(() => random() < 0.6),
  },
]

type Action = (actor: Actor) => Promise<unknown>
const actions: Record<string, Action> = {
  async grant(actor) {
    const node = pick(nodes)
    const fitting = roles.filter(({ kind }) => kind === node.kind)
    const given = { personId: pick(people.slice(1)), roleId: pick(fitting).id, nodeId: node.id }
    grants.push((await grantRole(actor, db(), given)).id)
  },
  revoke: (actor) => revokeRole(actor, db(), pick(grants)),
  widen: (actor) =>
    updateProfile(actor, db(), { profileId: pick(profiles), permissions: somePermissions() }),
  async profile(actor) {
    const name = `Made ${Math.floor(random() * 1e9)}`
    const permissions = somePermissions()
    profiles.push((await createProfile(actor, db(), { name, permissions })).id)
  },
  async role(actor) {
    const name = `Made ${Math.floor(random() * 1e9)}`
    const kind = pick(['reseller', 'customer', 'site'] as const)
    roles.push(await createRole(actor, db(), { name, profileId: pick(profiles), kind }))
  },
  async move(actor) {
    const { id, name } = pick(nodes)
    const parents = [1, ...nodes.map((node) => node.id)]
    await moveNode(actor, db(), { nodeId: id, parentId: pick(parents), confirm: name })
    nodes = await Promise.all(nodes.map((node) => readNode(provider, db(), node.id)))
  },
  async token(actor) {
    const input = { name: 'Made', personId: pick(people), nodeId: pick(nodes).id }
    const { id } = await createToken(actor, bench.store, input)
    return await mayBecome(actor, `token:${id}`)
  },
  async invite(actor) {
    const personId = pick(people)
    await invitePerson(actor, bench.store, personId)
    return await mayBecome(actor, `person:${personId}`)
  },
}

/** Whoever has the token or the invitation acts so from now on: their maker held all of it. */
async function mayBecome(actor: Actor, id: string): Promise<void> {
  const other = await findActorAgain({ db: db(), clock: bench.store.clock }, id)
  const beyond = cells().filter(
    ([operation, type, path]) =>
      other && mayDo(other, operation, type, path) && !mayDo(actor, operation, type, path),
  )
  if (beyond.length > 0) throw new Error(`${actor.id} may become ${id}, who may ${beyond[0]}`)
}

function cells(): (readonly [Operation, string, string])[] {
  return nodes.flatMap(({ path }) =>
    types.flatMap((type) => operations.map((operation) => [operation, type, path] as const)),
  )
}

async function everybody(): Promise<Map<number, readonly Grant[]>> {
  return await inScope(db(), '1.', async (tx) => {
    const all = new Map<number, readonly Grant[]>()
    for (const person of people) all.set(person, await selectGrantsOf(tx, person))
    return all
  })
}

const asActor = (id: number, given: readonly Grant[] = []): Actor => ({
  ...{ id: `person:${id}`, name: `P ${id}`, kind: 'person', grants: given },
})

const asSaid = [[sequences, seed]]

it.each(asSaid)(
  "D4: %i of 10,000 random sequences let nobody's reach grow but by who had it (PATCHBAY_SEED=%i)",
  async () => {
    const done: Record<string, number> = {}
    let before = await everybody()
    for (let action = 0; action < sequences * 5; action++) {
      if (action % 10 === 0) {
        await replenish()
        before = await everybody()
      }
      // Most of what can go wrong goes wrong by giving.
      const name = pick([...Object.keys(actions), 'grant', 'grant', 'grant', 'grant', 'grant'])
      // The chief, first of the people, may what others are refused: not every seed moved a node.
      const id = random() < 0.2 ? (people[0] ?? 0) : pick(people)
      const actor = asActor(id, before.get(id))
      const places = new Map(nodes.map((node) => [node.id, node.path]))
      try {
        await actions[name]?.(actor)
        done[name] = (done[name] ?? 0) + 1
      } catch (error) {
        if (!(error instanceof AppError) || error.code === 'internal') throw error
        continue
      }
      const after = await everybody()
      for (const [person, given] of after) {
        if (JSON.stringify(given) === JSON.stringify(before.get(person))) continue
        requireNoGain(actor, person, before.get(person) ?? [], given, places, `${name} by ${id}`)
      }
      if (name === 'move')
        for (const person of people) {
          requireNoGain(
            actor,
            person,
            before.get(person) ?? [],
            after.get(person) ?? [],
            places,
            name,
          )
        }
      before = after
    }
    figure('sequences of five actions', sequences, fullSize ? '>= 10000' : '>= 400')
    // It would prove nothing were everything refused.
    for (const name of Object.keys(actions)) expect(done[name] ?? 0, name).toBeGreaterThan(0)
  },
  Math.max(60_000, sequences * 400),
)

/** `places`: where the nodes were before. What somebody may newly do the actor could do there. */
function requireNoGain(
  actor: Actor,
  person: number,
  before: readonly Grant[],
  after: readonly Grant[],
  places: ReadonlyMap<number, string>,
  what: string,
): void {
  for (const node of nodes) {
    const was = places.get(node.id) ?? node.path
    for (const type of types) {
      for (const operation of operations) {
        const has = mayDo(asActor(person, after), operation, type, node.path)
        if (!has || mayDo(asActor(person, before), operation, type, was)) continue
        if (mayDo(actor, operation, type, was)) continue
        throw new Error(`${what} gave person ${person} ${operation} on ${type} at ${node.path}`)
      }
    }
  }
}
