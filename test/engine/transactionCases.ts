import type { Json, JsonObject } from '../../src/core/json.ts'
import { Sealed } from '../../src/core/secret.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { passwordField, secretsOf } from '../../src/engine/transaction/work.ts'
import * as queries from '../../src/features/transactions/queries.ts'
import { inScope } from '../../src/store/scope.ts'
import type { Snapshot } from './control.ts'
import { withWires } from './wires.ts'
import { administrator, type World } from './world.ts'

export const users = 'device/msgraph/MSOLUser'
export const groups = 'device/msgraph/Groups'

export interface TestStep {
  kind: string
  input: JsonObject
}

/** One kind of step, tried on an emulated tenant. */
export interface Case {
  name: string
  /** Brings the tenant to where the step makes a difference, and answers the step. */
  prepare(world: World, before: Snapshot): Promise<TestStep> | TestStep
  /** The call the step sends, and the one that takes it back. */
  does: { method: string; path: string }
  undoes: { method: string; path: string } | undefined
}

/** Without a role, so that their sensitive properties may be changed; with a licence. */
export function personAt(before: Snapshot, index: number): JsonObject {
  const person = before.users.at(-1 - index)
  if (person === undefined) throw new Error(`there is no person ${index}`)
  return person
}

const keyOf = (object: JsonObject) => String(object.id)

/** A security group with a list of members of its own. */
export function plainGroup(before: Snapshot): string {
  const group = before.groups.find(
    ({ mailEnabled, groupTypes }) =>
      mailEnabled === false && !(Array.isArray(groupTypes) && groupTypes.length > 0),
  )
  if (group === undefined) throw new Error('there is no plain group')
  return keyOf(group)
}

function memberOf(before: Snapshot, group: string): string {
  const found = before.links.find((line) => line.startsWith(`member ${group} `))
  return found?.split(' ')[2] ?? ''
}

const skuOf = (person: JsonObject): string => {
  const [licence] = Array.isArray(person.assignedLicenses) ? person.assignedLicenses : []
  return String(Object(licence).skuId)
}

export const freeFlow = { skuId: 'f30db892-07e9-47e9-837c-80727f46fd3d', name: 'FLOW_FREE' }

/** Somebody with one licence, so that none depends on another. */
function licensed(before: Snapshot): JsonObject {
  const person = before.users.toReversed().find(({ assignedLicenses, usageLocation }) => {
    const ids = JSON.stringify(assignedLicenses)
    const single = Array.isArray(assignedLicenses) && assignedLicenses.length === 1
    return usageLocation !== null && single && !ids.includes(freeFlow.skuId)
  })
  if (person === undefined) throw new Error('nobody has one licence')
  return person
}

let made = 0

let resets = 0

export const cases: readonly Case[] = [
  {
    name: 'update',
    prepare: (_world, before) => ({
      kind: 'update',
      input: {
        ...{ model: users, key: keyOf(personAt(before, 0)), expect: null },
        set: { department: `Changed ${made++}` },
      },
    }),
    does: { method: 'PATCH', path: '/users/' },
    undoes: { method: 'PATCH', path: '/users/' },
  },
  {
    name: 'create',
    prepare: (world) => {
      const alias = `made.${made++}`
      const upn = `${alias}@${world.access.domain}`
      const set = { accountEnabled: true, displayName: `Made ${made}`, mailNickname: alias }
      const input = { model: users, set: { ...set, userPrincipalName: upn }, password: true }
      return { kind: 'create', input }
    },
    does: { method: 'POST', path: '/users(\\?|$)' },
    undoes: { method: 'DELETE', path: '/users/' },
  },
  {
    name: 'delete',
    prepare: (_world, before) => ({
      kind: 'delete',
      input: { model: users, key: keyOf(personAt(before, 0)), find: null, expect: null },
    }),
    does: { method: 'DELETE', path: '/users/' },
    undoes: { method: 'POST', path: '/restore' },
  },
  {
    name: 'restore',
    prepare: async (world, before) => {
      const key = keyOf(personAt(before, 1))
      await world.control.mutate('delete-users', { ids: [key] })
      return { kind: 'restore', input: { model: users, key } }
    },
    does: { method: 'POST', path: '/restore' },
    undoes: { method: 'DELETE', path: '/users/' },
  },
  {
    name: 'link',
    prepare: (_world, before) => {
      const group = plainGroup(before)
      const stranger = before.users.find(
        ({ id }) => !before.links.includes(`member ${group} ${id}`),
      )
      const to = { model: users, key: keyOf(stranger ?? {}) }
      return {
        kind: 'link',
        input: { model: groups, key: group, link: 'member', to, present: true },
      }
    },
    does: { method: 'POST', path: '/members/' },
    undoes: { method: 'DELETE', path: '/members/' },
  },
  {
    name: 'unlink',
    prepare: (_world, before) => {
      const group = plainGroup(before)
      const to = { model: users, key: memberOf(before, group) }
      const input = { model: groups, key: group, link: 'member', to, present: false }
      return { kind: 'link', input }
    },
    does: { method: 'DELETE', path: '/members/' },
    undoes: { method: 'POST', path: '/members/' },
  },
  {
    name: 'licence added',
    prepare: (_world, before) => ({
      kind: 'licence',
      input: {
        ...{ model: users, key: keyOf(licensed(before)), remove: [] },
        add: [{ ...freeFlow, disabledPlans: [] }],
      },
    }),
    does: { method: 'POST', path: '/assignLicense' },
    undoes: { method: 'POST', path: '/assignLicense' },
  },
  {
    name: 'licence swapped',
    prepare: (_world, before) => {
      const person = licensed(before)
      return {
        kind: 'licence',
        input: {
          ...{ model: users, key: keyOf(person) },
          add: [{ ...freeFlow, disabledPlans: [] }],
          remove: [{ skuId: skuOf(person), name: 'the one held' }],
        },
      }
    },
    does: { method: 'POST', path: '/assignLicense' },
    undoes: { method: 'POST', path: '/assignLicense' },
  },
  {
    name: 'password',
    // Another person each time: the time a password was set at has whole seconds.
    prepare: (_world, before) => ({
      kind: 'password',
      input: { model: users, key: keyOf(personAt(before, resets++)), mustChange: true },
    }),
    does: { method: 'PATCH', path: '/users/' },
    undoes: undefined,
  },
]

/** Queues steps as a feature would; each gets a password in the vault. */
export async function queueSteps(world: World, steps: readonly TestStep[]): Promise<number> {
  return inScope(world.db, world.scope, async (tx) => {
    const id = await queries.insertTransaction(
      tx,
      {
        ...{ tenantId: world.tenantId, nodePath: world.scope, kind: 'test', title: 'test' },
        ...{ actor: administrator, requestHash: Buffer.alloc(32), idempotencyKey: undefined },
        ...{ undoes: undefined, replays: undefined },
      },
      steps.map((step) => ({ ...step, title: step.kind })),
    )
    for (const [index, { kind }] of steps.entries()) {
      if (kind !== 'create' && kind !== 'password') continue
      const password = new Sealed('Canary-4711-secret')
      const field = passwordField(index + 1)
      await world.engine.vault.put(tx, secretsOf(id), world.scope, field, password)
    }
    return id
  })
}

export async function readBack(world: World, id: number) {
  return inScope(world.db, world.scope, async (tx) => ({
    transaction: await queries.selectTransaction(tx, id),
    steps: await queries.selectSteps(tx, id),
  }))
}

/** What people and groups are, without the dates that deleting and restoring leave. */
export function image({ users: people, groups: all, links }: Snapshot): Json {
  return { users: people, groups: all, links }
}

/** An engine that calls `act` before the n-th thing it asks of a wire. */
export function onCall(world: World, act: (count: number) => Promise<void> | void): Engine {
  let count = 0
  return withWires(world.engine, (wire) => {
    const counted = async <T>(work: () => Promise<T>): Promise<T> => {
      count++
      await act(count)
      return work()
    }
    return {
      get: (...call) => counted(() => wire.get(...call)),
      find: (...call) => counted(() => wire.find(...call)),
      list: (...call) => counted(() => wire.list(...call)),
      isDeleted: (...call) => counted(() => wire.isDeleted(...call)),
      isLinked: (...call) => counted(() => wire.isLinked(...call)),
      // Behind the call: it was made, and nobody heard of it.
      send: async (...call) => {
        const answer = await counted(() => wire.send(...call))
        count++
        await act(count)
        return answer
      },
    }
  })
}
