import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Actor } from '../../src/core/actor.ts'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { advanceTransaction } from '../../src/engine/transaction/advanceTransaction.ts'
import { readHistory } from '../../src/features/resources/resources.ts'
import type { ChangesBody } from '../../src/features/transactions/changes.ts'
import { planTransaction } from '../../src/features/transactions/planTransaction.ts'
import {
  readTransaction,
  replayTransaction,
  startTransaction,
  undoTransaction,
} from '../../src/features/transactions/transactions.ts'
import { enqueueJob } from '../../src/store/jobs/job.ts'
import { inScope } from '../../src/store/scope.ts'
import { askGraph } from '../conformance/microsoft.ts'
import type { Snapshot } from '../engine/control.ts'
import { groups, plainGroup, users } from '../engine/transactionCases.ts'
import { administrator, startWorld, type World } from '../engine/world.ts'

let world: World
let before: Snapshot

beforeAll(async () => {
  world = await startWorld({ users: 40, groups: 6, seed: 31 })
  await advanceSync(world.engine, world.job(await world.newRun()))
})
beforeEach(async () => {
  before = await world.control.snapshot()
  await world.control.clearCalls()
})
afterAll(() => world.close())

type Step = ChangesBody['steps'][number]

const parts = () => ({ engine: world.engine, jobs: { enqueue: enqueueJob } })
const start = (steps: Step[], more: { confirm?: boolean; key?: string; actor?: Actor } = {}) => {
  const { confirm, key, actor = administrator } = more
  const body = { steps, ...(confirm !== undefined && { confirm }) }
  return startTransaction(actor, parts(), world.tenantId, body, key)
}
const undo = (id: number) => undoTransaction(administrator, parts(), id, undefined)
const plan = (steps: Step[]) =>
  planTransaction(administrator, world.engine, world.tenantId, { steps }, world.job(0).signal)

async function carryOut({ id }: { id: number }) {
  await advanceTransaction(world.engine, world.job(id))
  return readTransaction(administrator, world.db, id)
}

const person = (index: number) => String(before.users.at(-1 - index)?.id)
const update = (index: number, department: string): Step => ({
  ...{ do: 'update', model: users, ref: person(index), set: { department } },
})
const newUser = (alias: string): Step => ({
  do: 'create',
  model: users,
  set: {
    ...{ accountEnabled: true, displayName: `New ${alias}`, mailNickname: alias },
    ...{ userPrincipalName: `${alias}@${world.access.domain}`, usageLocation: 'DE' },
  },
})
const byName = async (alias: string) =>
  (await world.control.snapshot()).users.find(({ mailNickname }) => mailNickname === alias)

describe('a request', () => {
  it('makes a user with licence and group in one go, dry first, and takes all of it back', async () => {
    const group = plainGroup(before)
    const steps: Step[] = [
      newUser('all.in.one'),
      { do: 'licence', ref: { step: 1 }, add: [{ product: 'FLOW_FREE' }] },
      { do: 'link', model: groups, ref: group, link: 'member', to: { step: 1 } },
    ]
    const planned = await plan(steps)
    expect(planned.steps.map(({ call, problem }) => [call, problem])).toEqual([
      ['POST /users', null],
      [null, null],
      [null, null],
    ])
    expect(await world.control.calls('&writes=true')).toEqual([])

    const started = await start(steps)
    expect(started.passwords).toEqual([{ seq: 1, password: expect.stringMatching(/^\S{24}$/) }])
    const done = await carryOut(started)
    expect(done).toMatchObject({ state: 'succeeded', left: [] })
    const made = await byName('all.in.one')
    expect(made).toMatchObject({ assignedLicenses: [{ disabledPlans: [] }] })
    const { links } = await world.control.snapshot()
    expect(links).toContain(`member ${group} ${made?.id}`)

    expect(await carryOut(await undo(done.id))).toMatchObject({ state: 'succeeded' })
    expect(await byName('all.in.one')).toBeUndefined()
    expect((await world.control.snapshot()).links).toEqual(before.links)
  })

  it('fifty times at once with one key is one transaction', async () => {
    const asked = Array.from({ length: 50 }, () => start([update(0, 'Fifty')], { key: 'fifty' }))
    const answers = await Promise.all(asked)
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
    const other = start([update(0, 'Other')], { key: 'fifty' })
    await expect(other).rejects.toMatchObject({ code: 'idempotency-key-reused', status: 422 })
    const [first] = answers
    expect(await carryOut({ id: first?.id ?? 0 })).toMatchObject({ state: 'succeeded' })
    expect(await start([update(0, 'Fifty')], { key: 'fifty' })).toMatchObject({ id: first?.id })
  })

  it('C1: sign-in names that differ in case alone are one, within a request and at Microsoft', async () => {
    const twice = start([newUser('Twice.Over'), newUser('twice.over')])
    const field = 'body.steps.1.set.userPrincipalName'
    await expect(twice).rejects.toMatchObject({ code: 'bad-input', fields: [{ field }] })
    const [{ state }, { state: second, error }] = await Promise.all([
      carryOut(await start([newUser('Twice.Over')])),
      carryOut(await start([newUser('twice.over')])),
    ])
    expect([state, second].sort()).toEqual(['succeeded', 'undone'])
    expect(error === null || error.code === 'microsoft-conflict').toBe(true)
    const made = (await world.control.snapshot()).users.filter(({ userPrincipalName }) =>
      String(userPrincipalName).toLowerCase().startsWith('twice.over@'),
    )
    expect(made).toHaveLength(1)
  })

  it('shows a password once, even when it is asked for twice', async () => {
    const step: Step = { do: 'password', model: users, ref: person(2) }
    const first = await start([step], { confirm: true, key: 'password' })
    const again = await start([step], { confirm: true, key: 'password' })
    expect(first.passwords).toHaveLength(1)
    expect(again).toMatchObject({ id: first.id, passwords: [] })
    await carryOut(first)
  })

  it.each<[string, () => Step, string]>([
    ['a member it does not take', () => ({ ...update(0, 'x'), add: [] }), 'body.steps.0.add'],
    ['without what it needs', () => ({ do: 'delete', model: users }), 'body.steps.0.ref'],
    ['a link that follows from the object', () => manager(), 'body.steps.0.link'],
    ['a step behind it', () => ({ do: 'licence', ref: { step: 1 } }), 'body.steps.0.ref.step'],
    ['a new user without a name', () => nameless(), 'body.steps.0.set.displayName'],
    ['a group, of which none is made here', () => newGroup(), 'body.steps.0.model'],
    ['no product', () => ({ do: 'licence', ref: person(0) }), 'body.steps.0.add'],
    ['a plan of another product', () => wrongPlan(), 'body.steps.0.add.0.without.0'],
  ])('is refused with %s', async (_what, step, field) => {
    await expect(start([step()])).rejects.toMatchObject({ code: 'bad-input', fields: [{ field }] })
  })

  const manager = (): Step => ({
    do: 'link',
    model: users,
    ref: person(0),
    link: 'manager',
    to: 'x',
  })
  const nameless = (): Step => ({
    do: 'create',
    model: users,
    set: { accountEnabled: true, userPrincipalName: 'x@y' },
  })
  const newGroup = (): Step => ({ do: 'create', model: groups, set: { displayName: 'x' } })
  const wrongPlan = (): Step => ({
    ...{ do: 'licence', ref: person(0), add: [{ product: 'FLOW_FREE', without: ['TEAMS1'] }] },
  })
})

describe('licences', () => {
  const stepFor = (ref: string, product: string): Step => ({
    do: 'licence',
    ref,
    add: [{ product }],
  })
  const problemOf = async (step: Step) => (await plan([step])).steps[0]?.problem

  it.each<[string, () => Promise<Step>, RegExp]>([
    ['no usage location', async () => stepFor(await nowhere(), 'FLOW_FREE'), /no usage location/],
    ['a plan without the one it needs', async () => stepFor(await bare(), 'MCOEV'), /only beside/],
    [
      'plans that exclude each other',
      async () => twoOf(await bare(), ['SPE_E5', 'EXCHANGESTANDARD']),
      /exclude each other/,
    ],
  ])('are planned, and %s is said in words', async (_what, step, words) => {
    expect(await problemOf(await step())).toMatch(words)
    expect(await world.control.calls('&writes=true')).toEqual([])
  })

  it('of a whole request are counted before the first is sent, dry and in earnest', async () => {
    const everybody = before.users.filter(({ userType }) => userType === 'Member').slice(0, 36)
    const ids = everybody.map(({ id }) => String(id))
    for (const id of ids) {
      await world.control.mutate('update', {
        ...{ id, values: { assignedLicenses: [], usageLocation: 'DE' } },
      })
    }
    const free = await freeSeats('EXCHANGESTANDARD')
    expect(free).toBeGreaterThan(1)
    expect(free).toBeLessThan(ids.length)
    const steps = ids.slice(0, free + 1).map((id) => stepFor(id, 'EXCHANGESTANDARD'))
    const words = `${free + 1} licences of EXCHANGESTANDARD are needed, and ${free} are left`
    expect((await plan(steps)).steps[0]?.problem).toContain(words)
    await world.control.clearCalls()
    const refused = await carryOut(await start(steps))
    expect(refused).toMatchObject({ state: 'undone', error: { code: 'microsoft-conflict' } })
    expect(refused.error?.message).toContain(words)
    expect(await world.control.calls('&writes=true')).toEqual([])
    // Whoever holds it already needs no seat.
    expect((await carryOut(await start(steps.slice(0, free)))).state).toBe('succeeded')
    expect((await carryOut(await start(steps.slice(0, free)))).state).toBe('succeeded')
    for (const id of ids) {
      await world.control.mutate('update', { id, values: { assignedLicenses: [] } })
    }
  })

  async function freeSeats(product: string): Promise<number> {
    const { value } = await askGraph(world, 'GET', 'subscribedSkus')
    const skus: unknown[] = Array.isArray(value) ? value : []
    const sku = Object(skus.find((each) => Object(each).skuPartNumber === product))
    return Number(Object(sku.prepaidUnits).enabled) - Number(sku.consumedUnits)
  }

  it('say when none is left, before anything is sent', async () => {
    const ids = before.users.slice(0, 38).map(({ id }) => String(id))
    const refused = await seatsOf('EXCHANGESTANDARD', ids)
    expect(refused).toMatch(/No licence of EXCHANGESTANDARD is left|exclude each other/)
  })

  const twoOf = (ref: string, products: string[]): Step => ({
    ...{ do: 'licence', ref, add: products.map((product) => ({ product })) },
  })

  async function bare(): Promise<string> {
    const id = person(4)
    await world.control.mutate('update', { id, values: { assignedLicenses: [] } })
    return id
  }

  async function nowhere(): Promise<string> {
    const id = await bare()
    await world.control.mutate('update', { id, values: { usageLocation: null } })
    return id
  }

  async function seatsOf(product: string, ids: readonly string[]) {
    for (const id of ids) {
      const problem = await problemOf(stepFor(id, product))
      if (problem !== null && problem !== undefined) return problem
      const done = await carryOut(await start([stepFor(id, product)]))
      expect(done.state).toBe('succeeded')
    }
    return undefined
  }
})

describe('what has no way back', () => {
  it.each<[string, () => Step]>([
    ['a deletion', () => ({ do: 'delete', model: users, ref: person(1) })],
    ['a new password', () => ({ do: 'password', model: users, ref: person(1) })],
  ])('%s wants a yes', async (_what, step) => {
    await expect(start([step()])).rejects.toMatchObject({ code: 'confirmation-required' })
    expect(await world.control.calls('&writes=true')).toEqual([])
  })

  it('a new password cannot be undone or asked for again, and is kept nowhere', async () => {
    const password = 'Canary-2b4f-9d71'
    const step: Step = { do: 'password', model: users, ref: person(3), password }
    expect((await plan([step])).steps[0]?.irreversible).toMatch(/cannot be put back/)
    const started = await start([step], { confirm: true })
    expect(started.passwords).toEqual([])
    expect(await secrets()).toBe(1)
    expect(await carryOut(started)).toMatchObject({ state: 'succeeded' })
    expect(await secrets()).toBe(0)
    await expect(undo(started.id)).rejects.toMatchObject({ code: 'conflict' })
    const again = replayTransaction(administrator, parts(), started.id, undefined)
    await expect(again).rejects.toMatchObject({ code: 'conflict' })
    expect(await everythingStored()).not.toContain(password)
  })

  async function secrets(): Promise<number> {
    return inScope(world.db, world.scope, async (tx) => {
      const { rows } = await sql<{ count: number }>`
        select count(*)::int as count from secret where owner like 'transaction:%'`.execute(tx)
      return rows[0]?.count ?? 0
    })
  }

  async function everythingStored(): Promise<string> {
    const tables = ['transaction', 'transaction_step', 'audit', 'event', 'resource_data', 'secret']
    const texts = await inScope(world.db, world.scope, async (tx) => {
      const found: string[] = []
      for (const name of tables) {
        const { rows } = await sql<{ text: string }>`
          select row_to_json(t)::text as text from ${sql.table(name)} t`.execute(tx)
        found.push(...rows.map(({ text }) => text))
      }
      return found
    })
    return texts.join('\n')
  }
})

describe('a transaction that was undone', () => {
  it('cannot be undone again, until its undo is', async () => {
    const done = await carryOut(await start([update(5, 'Once')]))
    const undone = await carryOut(await undo(done.id))
    const why = new RegExp(`Transaction ${done.id} was undone by transaction ${undone.id}`)
    await expect(undo(done.id)).rejects.toThrow(why)
    const redone = await carryOut(await undo(undone.id))
    expect(redone.state).toBe('succeeded')
    expect(await departmentOf(5)).toBe('Once')
    await expect(undo(undone.id)).rejects.toMatchObject({ code: 'conflict' })
    expect(await carryOut(await undo(done.id))).toMatchObject({ state: 'succeeded' })
    expect(await departmentOf(5)).toBe(before.users.at(-6)?.department)
  })

  const departmentOf = async (index: number) =>
    (await world.control.snapshot()).users.at(-1 - index)?.department
})

describe('history', () => {
  it('shows who joined and left a group, and by which transaction', async () => {
    const ref = plainGroup(before)
    const stranger = before.users.find(({ id }) => !before.links.includes(`member ${ref} ${id}`))
    const to = String(stranger?.id)
    const done = await carryOut(
      await start([{ do: 'link', model: groups, ref, link: 'member', to }]),
    )
    const undone = await carryOut(await undo(done.id))
    const model = world.models.find(({ id }) => id === groups)
    if (model === undefined) throw new Error('no groups')
    const history = await readHistory(administrator, world.db, model, world.tenantId, ref, {})
    expect(history.items.slice(0, 2)).toMatchObject([
      {
        cause: `transaction:${undone.id}`,
        changes: [{ property: 'member', before: to, after: null }],
      },
      {
        cause: `transaction:${done.id}`,
        changes: [{ property: 'member', before: null, after: to }],
      },
    ])
  })
})

describe('a licence that a group gives', () => {
  it('is not taken from its members one by one', async () => {
    const group = plainGroup(before)
    const [edge = ''] = before.links.filter((line) => line.startsWith(`member ${group} `))
    const ref = edge.split(' ')[2] ?? ''
    await world.control.mutate('update', { id: ref, values: { usageLocation: 'DE' } })
    await askGraph(world, 'POST', `groups/${group}/assignLicense`, {
      addLicenses: [{ skuId: powerBi, disabledPlans: [] }],
      removeLicenses: [],
    })
    const [step] = (await plan([{ do: 'licence', ref, remove: ['POWER_BI_STANDARD'] }])).steps
    expect(step?.problem).toMatch(/POWER_BI_STANDARD comes from a group/)
  })

  const powerBi = 'a403ebcc-fae0-4ca2-8c8c-7a907fd6c235'
})
