import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Actor, isPermitted, mayDo, operations, requireHolds } from '../../src/core/actor.ts'
import { grantRole, listRoleGrants, revokeRole } from '../../src/features/access/grants.ts'
import {
  createProfile,
  deleteProfile,
  listProfiles,
  updateProfile,
} from '../../src/features/access/profiles.ts'
import { selectGrantsOf } from '../../src/features/access/queries.ts'
import { createRole, deleteRole, listRoles } from '../../src/features/access/roles.ts'
import {
  bringShippedAccess,
  shippedProfiles,
  shippedRoles,
} from '../../src/features/access/shipped.ts'
import type { NodeAnswer } from '../../src/features/hierarchy/nodes.ts'
import { deleteNode, moveNode } from '../../src/features/hierarchy/shape.ts'
import { createPerson } from '../../src/features/people/people.ts'
import { listAudit } from '../../src/store/audit.ts'
import { inScope } from '../../src/store/scope.ts'
import { actorAt, addNode, type Bench, failureOf, openBench, provider } from './support.ts'

let bench: Bench
let reseller: NodeAnswer
let customer: NodeAnswer
let site: NodeAnswer
let roleIds: Map<string, number>
let round = 0
let hired = 0

const db = () => bench.store.db

beforeAll(async () => {
  bench = await openBench()
  await bringShippedAccess(db())
  const { items } = await listRoles(provider, db(), { limit: 100 })
  roleIds = new Map(items.map(({ name, id }) => [name, id]))
})
afterAll(() => bench.close())

beforeEach(async () => {
  round += 1
  reseller = await addNode(bench, 1, 'reseller', `Reseller ${round}`)
  customer = await addNode(bench, reseller.id, 'customer', 'Contoso')
  site = await addNode(bench, customer.id, 'site', 'Berlin')
})

/** A person of a node with roles at nodes, as they act. */
async function somebody(
  home: NodeAnswer,
  roles: readonly (readonly [string, NodeAnswer])[] = [],
): Promise<Actor & { personId: number }> {
  hired += 1
  const login = `p${hired}`
  const input = { nodeId: home.id, login, name: login }
  const { id } = await createPerson(provider, bench.store, input)
  for (const [role, node] of roles) {
    await grantRole(provider, db(), { personId: id, roleId: roleOf(role), nodeId: node.id })
  }
  return actorOf(id)
}

async function actorOf(personId: number): Promise<Actor & { personId: number }> {
  const grants = await inScope(db(), '1.', (tx) => selectGrantsOf(tx, personId))
  return { id: `person:${personId}`, name: 'P', kind: 'person', grants, personId }
}

function roleOf(name: string): number {
  const id = roleIds.get(name)
  if (id === undefined) throw new Error(`there is no role ${name}`)
  return id
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return (await failureOf(work)).code
}

describe('what is shipped', () => {
  it('is there once, however often it is brought', async () => {
    await bringShippedAccess(db())
    const profiles = await listProfiles(provider, db(), { limit: 100 })
    const names = profiles.items.filter(({ origin }) => origin === 'shipped').map((row) => row.name)
    expect(names.sort()).toEqual(shippedProfiles.map(({ name }) => name).sort())
    const roles = await listRoles(provider, db(), { limit: 100 })
    const shipped = roles.items.filter(({ origin }) => origin === 'shipped')
    expect(shipped.map(({ name }) => name).sort()).toEqual(shippedRoles.map((r) => r.name).sort())
    const audit = await inScope(db(), '1.', (tx) => listAudit(tx))
    expect(audit.filter(({ action }) => action === 'access.ship')).toHaveLength(1)
  })

  it('lets each administrator give what is meant for below: the profiles are nested', () => {
    const of = (name: string) => shippedProfiles.find((profile) => profile.name === name)
    const order = ['Provider', 'Reseller', 'Customer', 'Site'].map(
      (kind) => `${kind} administrator`,
    )
    for (const [at, name] of order.entries()) {
      const actor = actorAt('1.', of(name)?.permissions)
      for (const below of [...order.slice(at), 'Operator', 'Auditor']) {
        const permissions = of(below)?.permissions ?? []
        expect(() => requireHolds(actor, { scope: '1.', permissions }), below).not.toThrow()
      }
      for (const above of order.slice(0, at)) {
        const permissions = of(above)?.permissions ?? []
        const isSame = JSON.stringify(permissions) === JSON.stringify(of(name)?.permissions)
        const ask = () => requireHolds(actor, { scope: '1.', permissions })
        if (!isSame) expect(ask, `${name} ${above}`).toThrow(/more|not hold/)
      }
    }
  })

  it('has only provider administrators attach tenants, and operators and auditors only read', () => {
    const attaching = shippedProfiles.filter(({ permissions }) =>
      isPermitted(permissions, 'Create', 'relation/MicrosoftTenant'),
    )
    expect(attaching.map(({ name }) => name)).toEqual(['Provider administrator'])
    const types = ['data/Audit', 'data/Person', 'relation/MicrosoftTenant', 'device/msgraph/Groups']
    const heldBy = (name: string) => {
      const profile = shippedProfiles.find((each) => each.name === name)
      return types.flatMap((type) =>
        operations
          .filter((operation) => isPermitted(profile?.permissions ?? [], operation, type))
          .map((operation) => `${operation} ${type}`),
      )
    }
    const reads = ['Read data/Person', 'Read relation/MicrosoftTenant']
    expect(heldBy('Operator')).toEqual([...reads, 'Read device/msgraph/Groups'])
    expect(heldBy('Auditor')).toEqual(['Read data/Audit', 'Export data/Audit', ...reads])
  })

  it("is nobody's to change", async () => {
    const { items } = await listProfiles(provider, db(), { limit: 1 })
    const profileId = items[0]?.id ?? 0
    expect(await codeOf(updateProfile(provider, db(), { profileId, name: 'Mine' }))).toBe(
      'conflict',
    )
    expect(await codeOf(deleteProfile(provider, db(), { profileId, confirm: 'x' }))).toBe(
      'conflict',
    )
    const roleId = roleOf('Site auditor')
    expect(await codeOf(deleteRole(provider, db(), { roleId, confirm: 'x' }))).toBe('conflict')
  })
})

describe('a role', () => {
  it('confers what its profile says at its node and below, and nothing beside it', async () => {
    const ada = await somebody(customer, [['Customer administrator', customer]])
    expect(ada.grants).toMatchObject([{ scope: customer.path }])
    const listed = await listRoleGrants(ada, db(), {})
    expect(listed.items).toMatchObject([{ role: 'Customer administrator', nodeId: customer.id }])
    await revokeRole(provider, db(), listed.items[0]?.id ?? 0)
    expect((await actorOf(ada.personId)).grants).toEqual([])
  })

  it('covers every model of an application by a wildcard', async () => {
    const permissions = [{ type: 'device/msexchangeonline/*', operations: [...operations] }]
    const made = { name: `Exchange ${round}`, permissions }
    const { id: profileId } = await createProfile(provider, db(), made)
    const role = { name: `Exchange ${round}`, profileId, kind: 'customer' as const }
    const { id: roleId } = await createRole(provider, db(), role)
    const { personId } = await somebody(customer)
    await grantRole(provider, db(), { personId, roleId, nodeId: customer.id })
    const ada = await actorOf(personId)
    for (const operation of operations) {
      for (const type of ['device/msexchangeonline/UserMailbox', 'device/MsExchangeOnline/x']) {
        expect(mayDo(ada, operation, type, site.path), `${operation} ${type}`).toBe(true)
      }
      expect(mayDo(ada, operation, 'device/msgraph/MSOLUser', site.path)).toBe(false)
      expect(mayDo(ada, operation, 'device/msexchangeonline/UserMailbox', reseller.path)).toBe(
        false,
      )
    }
  })

  it('is for one kind of node, also where an intermediate node stands between', async () => {
    const { personId } = await somebody(reseller)
    const between = await addNode(bench, reseller.id, 'intermediate', 'South')
    const give = (role: string, node: NodeAnswer) =>
      grantRole(provider, db(), { personId, roleId: roleOf(role), nodeId: node.id })
    expect(await codeOf(give('Site administrator', customer))).toBe('conflict')
    expect(await codeOf(give('Customer administrator', between))).toBe('conflict')
    expect(await give('Reseller operator', between)).toMatchObject({ nodeId: between.id })
    expect(await codeOf(give('Reseller operator', between))).toBe('conflict')
  })

  it('D4: is held only at the own node and below', async () => {
    const other = await addNode(bench, reseller.id, 'customer', 'Fabrikam')
    const { personId } = await somebody(customer)
    const roleId = roleOf('Customer operator')
    const give = grantRole(provider, db(), { personId, roleId, nodeId: other.id })
    expect(await codeOf(give)).toBe('conflict')
  })
})

describe('D4: nobody confers more than they hold', () => {
  it('by giving a role, to others or to themselves', async () => {
    const chief = await somebody(customer, [['Customer administrator', customer]])
    const clerk = await somebody(customer, [['Customer operator', customer]])
    const give = (actor: Actor, personId: number, role: string, node: NodeAnswer) =>
      grantRole(actor, db(), { personId, roleId: roleOf(role), nodeId: node.id })
    expect(await codeOf(give(clerk, clerk.personId, 'Customer administrator', customer))).toBe(
      'not-permitted',
    )
    const own = await createProfile(provider, db(), {
      name: `Tenants ${round}`,
      permissions: [{ type: 'relation/*', operations: ['Create'] }],
    })
    const { id } = await createRole(provider, db(), {
      ...{ name: `Tenants ${round}`, profileId: own.id, kind: 'customer' as const },
    })
    roleIds.set('Tenants', id)
    expect(await codeOf(give(chief, chief.personId, 'Tenants', customer))).toBe('not-permitted')
    expect(await codeOf(give(chief, clerk.personId, 'Tenants', customer))).toBe('not-permitted')
    expect(await codeOf(give(chief, clerk.personId, 'Reseller operator', reseller))).toBe(
      'not-found',
    )
    expect(await give(chief, clerk.personId, 'Site administrator', site)).toBeDefined()
    expect((await actorOf(chief.personId)).grants).toEqual(chief.grants)
  })

  it('by a profile or a role, made or widened', async () => {
    const chief = actorAt('1.', [
      { type: 'data/*', operations: ['Create', 'Read', 'Update', 'Delete'] },
      { type: 'data/Audit', operations: [] },
    ])
    const make = (permissions: { type: string; operations: ['Read'] }[]) =>
      createProfile(chief, db(), { name: `Made ${round}`, permissions })
    expect(await codeOf(make([{ type: 'device/*', operations: ['Read'] }]))).toBe('not-permitted')
    expect(await codeOf(make([{ type: 'data/*', operations: ['Read'] }]))).toBe('not-permitted')
    expect(await codeOf(make([{ type: '*', operations: ['Read'] }]))).toBe('not-permitted')
    const narrow = await make([{ type: 'data/Person', operations: ['Read'] }])
    const widen = (actor: Actor) =>
      updateProfile(actor, db(), {
        profileId: narrow.id,
        permissions: [{ type: 'device/*', operations: ['Read'] }],
      })
    expect(await codeOf(widen(chief))).toBe('not-permitted')
    await widen(provider)
    // Whoever cannot confer what it says by now cannot make a role of it.
    const role = { name: `Role ${round}`, profileId: narrow.id, kind: 'site' as const }
    expect(await codeOf(createRole(chief, db(), role))).toBe('not-permitted')
    const at = actorAt(customer.path)
    expect(await codeOf(createRole(at, db(), role))).toBe('not-permitted')
    expect(await codeOf(createProfile(at, db(), { name: 'X', permissions: [] }))).toBe(
      'not-permitted',
    )
  })

  it('by moving a node under their own', async () => {
    const other = await addNode(bench, reseller.id, 'customer', 'Fabrikam')
    const otherSite = await addNode(bench, other.id, 'site', 'Essen')
    const mover = await somebody(reseller, [['Customer administrator', customer]])
    const shape = [{ type: 'relation/HierarchyNode', operations: ['Read', 'Update'] as const }]
    const both = { ...mover, grants: [...mover.grants, { scope: other.path, permissions: shape }] }
    const move = { nodeId: otherSite.id, parentId: customer.id, confirm: 'Essen' }
    expect(await codeOf(moveNode(both, db(), move))).toBe('not-permitted')
    // Nor in favour of somebody else.
    const moverAlone = actorAt(reseller.path, shape)
    expect(await codeOf(moveNode(moverAlone, db(), move))).toBe('not-permitted')
    expect(await moveNode(provider, db(), move)).toMatchObject({ parentId: customer.id })
  })
})

describe('a node that moves', () => {
  it('D4: leaves behind the roles of people who stay behind', async () => {
    const other = await addNode(bench, 1, 'reseller', `Other ${round}`)
    const stays = await somebody(reseller, [['Customer administrator', customer]])
    const goes = await somebody(customer, [['Customer administrator', customer]])
    await moveNode(provider, db(), { nodeId: customer.id, parentId: other.id, confirm: 'Contoso' })
    expect((await actorOf(stays.personId)).grants).toEqual([])
    expect((await actorOf(goes.personId)).grants).toMatchObject([
      { scope: `${other.path}${customer.id}.` },
    ])
  })

  it('or is deleted takes the roles held there with it, but no people', async () => {
    const ada = await somebody(customer, [['Site operator', site]])
    await deleteNode(provider, db(), { nodeId: site.id, confirm: 'Berlin' })
    expect((await actorOf(ada.personId)).grants).toEqual([])
    expect(
      await codeOf(deleteNode(provider, db(), { nodeId: customer.id, confirm: 'Contoso' })),
    ).toBe('conflict')
  })
})
