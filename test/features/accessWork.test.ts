import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Actor, allPermissions } from '../../src/core/actor.ts'
import { requireModel } from '../../src/engine/engine.ts'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { advanceTransaction } from '../../src/engine/transaction/advanceTransaction.ts'
import { allowedOn } from '../../src/features/access/allowed.ts'
import { grantRole, revokeRole } from '../../src/features/access/grants.ts'
import { bringShippedAccess } from '../../src/features/access/shipped.ts'
import { moveNode } from '../../src/features/hierarchy/shape.ts'
import { createPerson, updatePerson } from '../../src/features/people/people.ts'
import { readResource } from '../../src/features/resources/resources.ts'
import { setRule } from '../../src/features/schedules/rules.ts'
import { setScope } from '../../src/features/scopes/scopes.ts'
import { readSync } from '../../src/features/syncs/syncs.ts'
import { createMayBegin } from '../../src/features/transactions/authority.ts'
import type { ChangesBody } from '../../src/features/transactions/changes.ts'
import { insertTransaction, type NewTransaction } from '../../src/features/transactions/queries.ts'
import {
  readTransaction,
  replayTransaction,
  startTransaction,
  undoTransaction,
} from '../../src/features/transactions/transactions.ts'
import { findActorAgain } from '../../src/server/access.ts'
import { enqueueJob } from '../../src/store/jobs/job.ts'
import { inScope } from '../../src/store/scope.ts'
import type { Snapshot } from '../engine/control.ts'
import { groups, plainGroup, users } from '../engine/transactionCases.ts'
import { administrator, startWorld, type World } from '../engine/world.ts'
import { peopleWithoutRole, refusalsOf, setTransactionState } from './accessQueries.ts'

let world: World
let engine: World['engine']
let before: Snapshot
/** Holds no more than a customer's administrator does. */
let ada: Actor & { personId: number; grantId: number }
/** Some person without, and one with, an administrator's role at Microsoft. */
let plain: string
let chief: string
let ordinary: string[]
let round = 0

const where = () => ({ db: world.db, clock: world.engine.clock })

beforeAll(async () => {
  world = await startWorld({ users: 40, groups: 6, seed: 31 })
  engine = {
    ...world.engine,
    mayBegin: createMayBegin(world.db, (authorId) => findActorAgain(where(), authorId)),
  }
  await bringShippedAccess(world.db)
  before = await world.control.snapshot()
  chief = String(before.users.at(-2)?.id)
  await world.control.mutate('grant-role', { id: chief, role: 'User Administrator' })
  await advanceSync(world.engine, world.job(await world.newRun()))
  ordinary = await peopleWithoutRole(world.db)
  plain = ordinary[0] ?? ''
})
beforeEach(async () => {
  ada = await hire()
  await world.control.clearCalls()
})
afterAll(() => world.close())

async function hire(
  nodeId = 2,
  roleName = 'Customer administrator',
): Promise<Actor & { personId: number; grantId: number }> {
  round += 1
  const input = { nodeId, login: `ada ${round}`, name: 'Ada' }
  const { id: personId } = await createPerson(administrator, store(), input)
  const { rows } = await sql<{ id: number }>`
    select id from role where name = ${roleName}`.execute(world.db.kysely)
  const given = { personId, roleId: rows[0]?.id ?? 0, nodeId }
  const { id: grantId } = await grantRole(administrator, world.db, given)
  const actor = await findActorAgain(where(), `person:${personId}`)
  if (actor === undefined) throw new Error('nobody was hired')
  return { ...actor, personId, grantId }
}

const store = () => ({ db: world.db, vault: world.engine.vault, clock: world.engine.clock })
const parts = () => ({ engine, jobs: { enqueue: enqueueJob } })
type Step = ChangesBody['steps'][number]
const start = (actor: Actor, ...steps: Step[]) =>
  startTransaction(actor, parts(), world.tenantId, { steps, confirm: true }, undefined)
const update = (ref: string): Step => ({
  ...{ do: 'update', model: users, ref, set: { department: `Round ${round}` } },
})
const writes = () => world.control.calls('&writes=true')

async function carryOut(id: number) {
  await advanceTransaction(engine, world.job(id))
  return await readTransaction(administrator, world.db, id)
}

describe('D5: what was queued is asked again when it begins', () => {
  it('and is carried out while its author may', async () => {
    const { id } = await start(ada, update(plain))
    expect(await carryOut(id)).toMatchObject({ state: 'succeeded' })
  })

  it('and is not once the role was taken from them', async () => {
    const { id } = await start(ada, update(plain))
    await revokeRole(administrator, world.db, ada.grantId)
    expect(await carryOut(id)).toMatchObject({
      ...{ state: 'undone', error: { code: 'not-permitted' } },
      steps: { done: 0, total: 1 },
    })
    expect(await writes()).toEqual([])
    expect(await refusalsOf(world.db, ada.id)).toEqual(['transaction not-found'])
  })

  it('nor once they are disabled', async () => {
    const { id } = await start(ada, update(plain))
    await updatePerson(administrator, store(), { personId: ada.personId, disabled: true })
    expect(await carryOut(id)).toMatchObject({ state: 'undone' })
    expect(await writes()).toEqual([])
  })

  it('nor once the node was moved from below their role, which waits for what is queued', async () => {
    await inScope(world.db, '1.', (tx) =>
      sql`insert into node (id, parent_id, kind, name, node_path)
        values (4, 1, 'reseller', 'West', '1.4.')`.execute(tx),
    )
    const move = (parentId: number) =>
      moveNode(administrator, world.db, { nodeId: 2, parentId, confirm: 'Customer' })
    await move(4)
    const { id } = await start(await hire(4, 'Reseller administrator'), update(plain))
    await expect(move(1)).rejects.toMatchObject({ code: 'conflict' })
    await setTransactionState(world.db, id, 'succeeded')
    await move(1)
    await setTransactionState(world.db, id, 'queued')
    expect(await carryOut(id)).toMatchObject({ state: 'undone', error: { code: 'not-permitted' } })
    expect(await writes()).toEqual([])
  })

  it('and so is a sync', async () => {
    const run = await world.newRun()
    await inScope(world.db, '1.', (tx) =>
      sql`update run set actor = ${JSON.stringify({ id: ada.id, name: 'Ada', kind: 'person' })}
        where id = ${run}`.execute(tx),
    )
    await revokeRole(administrator, world.db, ada.grantId)
    await world.control.clearCalls()
    await advanceSync(engine, world.job(run))
    expect(await readSync(administrator, world.db, run)).toMatchObject({
      ...{ state: 'failed', error: { code: 'not-permitted' } },
    })
    expect(await world.control.calls()).toEqual([])
  })
})

describe('D6: a worker has no rights of its own', () => {
  it('and refuses a step that its author may not do, however it got into the queue', async () => {
    const stranger = await hire()
    const step = { kind: 'update', title: 'x', input: { model: users, key: plain, set: {} } }
    const work: NewTransaction = {
      ...{ tenantId: world.tenantId, nodePath: world.scope, kind: 'update', title: 'x' },
      ...{ actor: stranger, requestHash: Buffer.alloc(32), idempotencyKey: undefined },
      ...{ undoes: undefined, replays: undefined },
    }
    const queue = (set: object) =>
      inScope(world.db, world.scope, (tx) =>
        insertTransaction(tx, work, [
          { ...step, input: { ...step.input, set: { ...set }, expect: null } },
        ]),
      )
    const id = await queue({ department: 'Elsewhere' })
    // Their node is another one by now: the tenant lies outside of all they hold.
    await inScope(world.db, '1.', async (tx) => {
      await sql`insert into node (id, parent_id, kind, name, node_path)
        values (3, 1, 'customer', 'Other', '1.3.') on conflict do nothing`.execute(tx)
      await sql`update role_grant set node_id = 3, node_path = '1.3.'
        where id = ${stranger.grantId}`.execute(tx)
    })
    expect(await carryOut(id)).toMatchObject({ state: 'undone', error: { code: 'not-permitted' } })
    expect(await writes()).toEqual([])
  })
})

describe('what may be done is told with the object', () => {
  const show = async (actor: Actor, ref: string) => {
    const models = await engine.models.current()
    const model = requireModel(models, users)
    return (await readResource(actor, world.db, models, model, world.tenantId, ref)).allowed
  }

  it('and why not the rest: by rights, by the model, and by who it is about', async () => {
    expect(await show(ada, plain)).toMatchObject({ Update: { allowed: true, reason: null } })
    expect(await show(ada, chief)).toMatchObject({
      Read: { allowed: true, reason: null },
      Update: { allowed: false, reason: expect.stringMatching(/administrator at Microsoft/) },
      Delete: { allowed: false },
    })
    const reads = [{ scope: '1.2.', permissions: [{ type: '*', operations: ['Read'] as const }] }]
    expect(await show({ ...ada, grants: reads }, plain)).toMatchObject({
      Read: { allowed: true },
      Export: { allowed: false, reason: expect.stringMatching(/Export is not among your permi/) },
    })
    const sku = allowedOn(
      ada,
      requireModel(await engine.models.current(), 'device/msgraph/MsolAccountSku'),
    )
    expect(sku.Update).toEqual({ allowed: false, reason: expect.stringMatching(/only read here/) })
    expect(sku.Create.allowed).toBe(false)
  })

  it('and that the tenant has syncs leave something undone', async () => {
    await inScope(world.db, '1.', (tx) =>
      sql`insert into sync_rule (tenant_id, model_id, node_path, disabled)
        select ${world.tenantId}, id, ${world.scope}, '{update}' from model where name = ${users}`.execute(
        tx,
      ),
    )
    expect((await show(ada, plain)).Read.reason).toMatch(/do not update objects/)
    await inScope(world.db, '1.', (tx) => sql`delete from sync_rule`.execute(tx))
  })
})

describe('D7: who holds a role at Microsoft', () => {
  const everyWay = (ref: string): Step[] => [
    update(ref),
    { do: 'update', model: users, ref, set: { accountEnabled: false } },
    { do: 'password', model: users, ref },
    { do: 'licence', ref, add: [{ product: 'FLOW_FREE' }] },
    { do: 'delete', model: users, ref },
    { do: 'link', model: groups, ref: plainGroup(before), link: 'member', to: ref },
    { do: 'unlink', model: groups, ref: plainGroup(before), link: 'member', to: ref },
  ]

  it('is changed in no way by whoever may change people', async () => {
    for (const step of everyWay(chief)) {
      await expect(start(ada, step), step.do).rejects.toMatchObject({ code: 'not-permitted' })
    }
    await expect(start(ada, update(plain), update(chief))).rejects.toThrow(/administrator at Micro/)
    expect(await world.control.calls()).toEqual([])
    const changes = await inScope(world.db, '1.', (tx) =>
      sql`select from transaction where actor_id = ${ada.id}`.execute(tx),
    )
    expect(changes.rows).toEqual([])
  })

  it('is changed by whoever may change them, too', async () => {
    const special = { type: 'data/PrivilegedUser', operations: ['Update'] as const }
    const also = { ...ada, grants: [...ada.grants, { scope: '1.2.', permissions: [special] }] }
    for (const step of everyWay(chief)) expect(await start(also, step)).toBeDefined()
    for (const step of everyWay(plain)) expect(await start(ada, step)).toBeDefined()
  })

  it('by a group, is protected with the group', async () => {
    const group = String(before.groups.at(-1)?.id)
    const member = ordinary[1] ?? ''
    await inScope(world.db, '1.', (tx) =>
      sql`insert into link (tenant_id, kind, from_key, to_key, node_path) values
        (${world.tenantId}, 'roleAssignment', 'an assignment', ${group}, ${world.scope}),
        (${world.tenantId}, 'member', ${group}, ${member}, ${world.scope})
        on conflict do nothing`.execute(tx),
    )
    const refused = { code: 'not-permitted' }
    await expect(start(ada, update(member))).rejects.toMatchObject(refused)
    const join: Step = { do: 'link', model: groups, ref: group, link: 'member', to: plain }
    await expect(start(ada, join)).rejects.toMatchObject(refused)
    await inScope(world.db, '1.', (tx) =>
      sql`delete from link where from_key = 'an assignment'`.execute(tx),
    )
  })

  it('stays protected from an undo, a replay, and one that waits since before', async () => {
    const late = ordinary[2] ?? ''
    const done = await start(administrator, update(late))
    expect(await carryOut(done.id).catch((error) => error)).toBeDefined()
    const asAda = await start(ada, update(late))
    await inScope(world.db, '1.', (tx) =>
      sql`insert into link (tenant_id, kind, from_key, to_key, node_path)
        values (${world.tenantId}, 'roleHolder', 'a role', ${late}, ${world.scope})`.execute(tx),
    )
    const refused = { code: 'not-permitted' }
    await expect(replayTransaction(ada, parts(), asAda.id, undefined)).rejects.toMatchObject(
      refused,
    )
    await world.control.clearCalls()
    expect(await carryOut(asAda.id)).toMatchObject({ state: 'undone', error: refused })
    expect(await writes()).toEqual([])
    const byBoss = await start({ ...administrator, id: ada.id }, update(late))
    await setTransactionState(world.db, byBoss.id, 'succeeded')
    await inScope(world.db, '1.', (tx) =>
      sql`update transaction_step set state = 'done', before = '{"department": "Old"}',
        after = '{"department": "New"}' where transaction_id = ${byBoss.id}`.execute(tx),
    )
    await expect(undoTransaction(ada, parts(), byBoss.id, undefined)).rejects.toMatchObject(refused)
  })

  it('is taken to be anybody while nobody has read who does', async () => {
    const state = sql`update sync_state set listed_at = null`
    const listed = await inScope(world.db, '1.', (tx) =>
      sql<{
        model: number
        at: Date
      }>`select model_id as model, listed_at as at from sync_state`.execute(tx),
    )
    await inScope(world.db, '1.', (tx) => state.execute(tx))
    await expect(start(ada, update(plain))).rejects.toThrow(/not known yet/)
    const everything = { ...ada, grants: [{ scope: '1.2.', permissions: allPermissions }] }
    expect(await start(everything, update(plain))).toBeDefined()
    await inScope(world.db, '1.', async (tx) => {
      for (const { model, at } of listed.rows)
        await sql`update sync_state set listed_at = ${at} where model_id = ${model}`.execute(tx)
    })
  })

  describe('is known only while nothing is left out of what tells', () => {
    const roles = ['device/msgraph/RoleAssignment', 'device/msgraph/DirectoryRole']
    const modelOf = async (id: string) => requireModel(await engine.models.current(), id)
    const leave = async (actor: Actor, id: string, ...disabled: Parameters<typeof setRule>[4]) =>
      setRule(actor, world.db, world.tenantId, await modelOf(id), disabled)
    const narrow = async (actor: Actor, id: string, filter: unknown) =>
      setScope(actor, world.db, world.tenantId, await modelOf(id), filter)
    const sync = async () => advanceSync(world.engine, world.job(await world.newRun()))
    const unknown = () => expect(start(ada, update(plain))).rejects.toThrow(/not known yet/)
    const known = () => expect(start(ada, update(plain))).resolves.toBeDefined()

    it('which takes the permission to change them', async () => {
      const refused = { code: 'not-permitted', message: expect.stringMatching(/PrivilegedUser/) }
      for (const id of roles) {
        const only = { op: 'eq', property: 'id', value: 'nobody' }
        await expect(leave(ada, id, 'add'), id).rejects.toMatchObject(refused)
        await expect(leave(ada, id), id).rejects.toMatchObject(refused)
        await expect(narrow(ada, id, only), id).rejects.toMatchObject(refused)
        await expect(narrow(ada, id, null), id).rejects.toMatchObject(refused)
      }
      expect(await leave(ada, users)).toMatchObject({ disabled: [] })
      await sync()
      await known()
    })

    it.each([...roles, groups])('%s, and again once all of it was read', async (id) => {
      for (const operation of ['read', 'add', 'update'] as const) {
        await leave(administrator, id, operation)
        await sync()
        await unknown()
      }
      await leave(administrator, id)
      await unknown()
      await sync()
      await known()
      await leave(administrator, id, 'remove')
      await sync()
      await known()
      await leave(administrator, id)
      await sync()
      const property = id === groups ? 'displayName' : 'id'
      await narrow(administrator, id, { op: 'eq', property, value: 'none' })
      await narrow(administrator, id, null)
      await unknown()
      await sync()
      await known()
    })

    it('of groups those that hold a role are enough', async () => {
      const holder = (key: string) =>
        inScope(world.db, '1.', (tx) =>
          sql`insert into link (tenant_id, kind, from_key, to_key, node_path)
            values (${world.tenantId}, 'roleAssignment', 'one more', ${key}, ${world.scope})
            on conflict do nothing`.execute(tx),
        )
      await narrow(administrator, groups, { op: 'ne', property: 'displayName', value: 'none' })
      await sync()
      await known()
      await holder('a group that was not taken in')
      await unknown()
      await narrow(administrator, groups, null)
      await sync()
      await known()
      await inScope(world.db, '1.', (tx) =>
        sql`delete from link where from_key = 'one more'`.execute(tx),
      )
    })

    it('of roles no scope is', async () => {
      const [id = ''] = roles
      await narrow(administrator, id, { op: 'ne', property: 'id', value: 'none' })
      await sync()
      await unknown()
      await narrow(administrator, id, null)
      await sync()
    })
  })
})
