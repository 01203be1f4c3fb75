import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Actor, Operation, Permission } from '../../src/core/actor.ts'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { listRejected, listRemovals } from '../../src/features/syncs/syncs.ts'
import type { ChangesBody } from '../../src/features/transactions/changes.ts'
import { planTransaction } from '../../src/features/transactions/planTransaction.ts'
import {
  listTransactions,
  readTransaction,
  startTransaction,
} from '../../src/features/transactions/transactions.ts'
import { enqueueJob } from '../../src/store/jobs/job.ts'
import { inScope } from '../../src/store/scope.ts'
import { groups, users } from '../engine/transactionCases.ts'
import { administrator, startWorld, type World } from '../engine/world.ts'

const products = 'device/msgraph/MsolAccountSku'

let world: World
let person: { key: string; name: string }
let group: { key: string; name: string }
let runId: number

beforeAll(async () => {
  world = await startWorld({ users: 20, groups: 4, seed: 31 })
  runId = await world.newRun()
  await advanceSync(world.engine, world.job(runId))
  person = await oneOf(users)
  group = await oneOf(groups)
})
beforeEach(() => world.control.clearCalls())
afterAll(() => world.close())

const parts = () => ({ engine: world.engine, jobs: { enqueue: enqueueJob } })

async function oneOf(model: string, at = 0): Promise<{ key: string; name: string }> {
  const { rows } = await inScope(world.db, '1.', (tx) =>
    sql<{ key: string; name: string }>`select key, resource.name from resource
      join model on model.id = model_id where model.name = ${model} order by key offset ${at} limit 1`.execute(
      tx,
    ),
  )
  return rows[0] ?? expect.fail(`there is no ${model}`)
}

/** Reads what is named, and nothing else of the tenant. */
function readerOf(...types: string[]): Actor {
  const permissions: Permission[] = types.map((type) => ({ type, operations: ['Read'] }))
  return {
    ...{ id: 'person:77', name: 'Ada', kind: 'person' },
    grants: [{ scope: world.scope, permissions }],
  }
}

type Step = ChangesBody['steps'][number]
const ofPerson = (): Step => ({ do: 'update', model: users, ref: person.key, set: { city: 'Ulm' } })
const ofGroup = (): Step => ({
  ...{ do: 'update', model: groups, ref: group.key, set: { description: 'Ulm' } },
})
const joining = (): Step => ({
  ...{ do: 'link', model: groups, ref: group.key, link: 'member', to: person.key },
})
const licensing = (): Step => ({ do: 'licence', ref: person.key, add: [{ product: 'FLOW_FREE' }] })

describe('a dry run', () => {
  const plan = (actor: Actor, ...steps: Step[]) =>
    planTransaction(actor, world.engine, world.tenantId, { steps }, world.job(0).signal)

  it('shows whoever may read all of it what would be, and takes no more', async () => {
    const reader = readerOf('data/Transaction', users, groups, products)
    const { steps } = await plan(reader, ofPerson(), ofGroup(), joining(), licensing())
    expect(steps).toHaveLength(4)
  })

  it('D1: reads nothing for whoever may not read one model of it', async () => {
    const cases: [Actor, Step[]][] = [
      [readerOf('data/Transaction', users), [ofPerson(), ofGroup()]],
      [readerOf('data/Transaction', groups), [ofGroup(), ofPerson()]],
      [readerOf('data/Transaction', users), [licensing()]],
      [readerOf(users, groups), [ofPerson()]],
    ]
    for (const [actor, steps] of cases) {
      const refused = expect(plan(actor, ...steps)).rejects
      await refused.toMatchObject({ code: 'not-permitted' })
    }
    // The other end may be a group as well, of which there is none by that key.
    const joined = plan(readerOf('data/Transaction', groups), joining())
    await expect(joined).rejects.toMatchObject({ code: 'not-found' })
    expect(await world.control.calls()).toEqual([])
  })
})

describe('objects that one may not read', () => {
  const auditor = () => readerOf('data/*', 'relation/*')
  const secretOf = (answer: unknown) =>
    [person.key, person.name, group.key, group.name, 'Ulm', 'Bonn'].filter((text) =>
      JSON.stringify(answer).includes(text),
    )

  async function start(...steps: Step[]): Promise<number> {
    const body = { steps, confirm: true }
    return (await startTransaction(administrator, parts(), world.tenantId, body, undefined)).id
  }

  it('D1: show in no transaction, and why is said', async () => {
    const ids = [await start(ofPerson()), await start(joining()), await start(licensing())]
    await inScope(world.db, '1.', (tx) =>
      sql`update transaction_step set state = 'stuck', before = '{"city": "Bonn"}',
        error = ${JSON.stringify({ code: 'x', message: person.name, left: person.key })}`.execute(
        tx,
      ),
    )
    await inScope(world.db, '1.', (tx) =>
      sql`update transaction set error = ${JSON.stringify({ code: 'x', message: person.name })}`.execute(
        tx,
      ),
    )
    for (const id of ids) {
      const shown = await readTransaction(auditor(), world.db, id)
      expect(secretOf(shown)).toEqual([])
      expect(shown.title).toMatch(/^Shown to whoever may Read device\/msgraph\//)
      expect(shown.stepList).toMatchObject([{ title: shown.title, differences: [] }])
      expect(shown.left).toHaveLength(1)
      expect(secretOf(await readTransaction(administrator, world.db, id))).not.toEqual([])
    }
    const listed = await listTransactions(auditor(), world.db, {})
    expect(listed.items).toHaveLength(ids.length)
    expect(secretOf(listed)).toEqual([])
    const half = readerOf('data/Transaction', groups)
    expect(secretOf(await readTransaction(half, world.db, ids[1] ?? 0))).toEqual([])
    const whole = readerOf('data/Transaction', users)
    expect(secretOf(await readTransaction(whole, world.db, ids[0] ?? 0))).toContain('Bonn')
  })

  it('D1: show only those steps of a transaction that one may read', async () => {
    const id = await start(ofPerson(), ofGroup())
    const { stepList } = await readTransaction(readerOf('data/Transaction', groups), world.db, id)
    expect(stepList.map(({ title }) => title)).toEqual([
      `Shown to whoever may Read ${users}.`,
      `${group.name}: description`,
    ])
    expect(stepList.map(({ differences }) => differences.length)).toEqual([0, 1])
  })

  it('D1: show in nothing that a sync found gone or did not take in', async () => {
    await inScope(world.db, '1.', async (tx) => {
      await sql`insert into removal (run_id, resource_id, model_id, key, node_path, reason, state)
        select ${runId}, id, model_id, key, node_path, 'absent', 'held' from resource
        where key in (${person.key}, ${group.key}) on conflict do nothing`.execute(tx)
      await sql`insert into sync_rejected (run_id, model_id, key, reason, node_path)
        select ${runId}, model_id, key, name, node_path from resource
        where key in (${person.key}, ${group.key})`.execute(tx)
    })
    for (const list of [listRemovals, listRejected]) {
      const told = await list(auditor(), world.db, runId, {})
      expect(told.items).toHaveLength(2)
      expect(secretOf(told)).toEqual([])
      expect(JSON.stringify(told)).toContain(`Shown to whoever may Read ${users}.`)
      const half = await list(readerOf('data/DataSync', groups), world.db, runId, {})
      expect(secretOf(half)).toEqual([group.key, group.name])
    }
  })
})

it('D1: several objects of a model in one transaction take Bulk Update', async () => {
  const other = await oneOf(users, 1)
  const operations = ['Read', 'Create', 'Update', 'Execute'] as const
  const clerk = (more: readonly Operation[] = []): Actor => ({
    ...readerOf(),
    grants: [
      { scope: world.scope, permissions: [{ type: '*', operations: [...operations, ...more] }] },
    ],
  })
  const ask = (actor: Actor, ...steps: Step[]) =>
    startTransaction(actor, parts(), world.tenantId, { steps, confirm: true }, undefined)
  const both: Step[] = [ofPerson(), { ...ofPerson(), ref: other.key } as Step]
  expect(await ask(clerk(), ofPerson(), licensing(), ofGroup())).toMatchObject({ state: 'queued' })
  await expect(ask(clerk(), ...both)).rejects.toMatchObject({
    ...{ code: 'not-permitted', message: expect.stringContaining('Bulk Update') },
  })
  expect(await ask(clerk(['Bulk Update']), ...both)).toMatchObject({ state: 'queued' })
})
