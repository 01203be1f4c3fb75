import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { advanceTransaction } from '../../src/engine/transaction/advanceTransaction.ts'
import { planSteps } from '../../src/engine/transaction/plan.ts'
import * as queries from '../../src/features/transactions/queries.ts'
import { inScope } from '../../src/store/scope.ts'
import type { Snapshot } from './control.ts'
import { disagreements } from './observed.ts'
import { withWires } from './wires.ts'
import { administrator, startWorld, type World } from './world.ts'

const userModel = 'device/msgraph/MSOLUser'
let world: World
let before: Snapshot

beforeAll(async () => {
  // Work is cut off between its word and its deed, over and over.
  world = await startWorld({ users: 40, seed: 11 }, { deeds: { cut: true } })
  await advanceSync(world.engine, world.job(await world.newRun()))
})
beforeEach(async () => {
  before = await world.control.snapshot()
  await world.control.clearCalls()
})
afterEach(async () => {
  await world.control.clearFaults()
  expect(await world.control.violations()).toEqual([])
})
afterAll(() => world.close())

function userAt(index: number): JsonObject {
  const user = before.users[index]
  if (user === undefined) throw new Error(`there is no user ${index}`)
  return user
}

const key = (index: number) => String(userAt(index).id)

/** A transaction that gives the first users another department, each independent of the others. */
async function queueDepartments(
  departments: readonly string[],
  expected: (JsonObject | null)[] = [],
) {
  return queue(
    departments.map((department, index) => ({
      ...{ model: userModel, key: key(index), set: { department } },
      expect: expected[index] ?? null,
    })),
  )
}

/** Steps that keep their order, since all of them change the first user. */
async function queueOnOne(changes: readonly JsonObject[]) {
  return queue(changes.map((set) => ({ model: userModel, key: key(0), set, expect: null })))
}

async function queue(inputs: readonly JsonObject[]) {
  const steps = inputs.map((input, index) => ({ kind: 'update', title: `step ${index}`, input }))
  return inScope(world.db, world.scope, (tx) =>
    queries.insertTransaction(
      tx,
      {
        ...{ tenantId: world.tenantId, nodePath: world.scope, kind: 'update', title: 'test' },
        ...{ actor: administrator, requestHash: Buffer.alloc(32), idempotencyKey: undefined },
        ...{ undoes: undefined, replays: undefined },
      },
      steps,
    ),
  )
}

async function read(id: number) {
  return inScope(world.db, world.scope, async (tx) => ({
    transaction: await queries.selectTransaction(tx, id),
    steps: await queries.selectSteps(tx, id),
  }))
}

async function change(departments: readonly string[], engine: Engine = world.engine) {
  const id = await queueDepartments(departments)
  await advanceTransaction(engine, world.job(id))
  return { id, ...(await read(id)) }
}

const departmentsThere = async (count: number) => {
  const { users } = await world.control.snapshot()
  return users.slice(0, count).map((user) => user.department)
}
const writes = async () =>
  (await world.control.calls('&writes=true')).filter((call) => call.applied)
const states = (steps: readonly { state: string }[]) => steps.map((step) => step.state)

describe('a transaction', () => {
  it('changes, reads back, and our copy shows it', async () => {
    const { transaction, steps } = await change(['Alpha', 'Beta'])
    expect(transaction?.state).toBe('succeeded')
    expect(states(steps)).toEqual(['done', 'done'])
    expect(await departmentsThere(2)).toEqual(['Alpha', 'Beta'])
    expect(steps[0]?.before).toEqual({ department: userAt(0).department })
    expect(await disagreements(world)).toEqual([])
    expect(await writes()).toHaveLength(2)
  })

  it('sends nothing where nothing differs', async () => {
    const { transaction } = await change(['Alpha', 'Beta'])
    expect(transaction?.state).toBe('succeeded')
    expect(await writes()).toEqual([])
  })

  it('is planned by reads alone', async () => {
    const place = { tenantId: world.tenantId, scope: '1.' }
    const wires = await world.engine.openWires(place, () => {}, 'interactive')
    const steps = ['Alpha', 'Other'].map((department, index) => ({
      kind: 'update',
      input: { model: userModel, key: key(index), set: { department }, expect: null },
    }))
    const { engine, models } = world
    const plan = await planSteps(engine, models, wires, steps, world.job(0).signal)
    expect(plan).toMatchObject([
      { call: undefined, differences: [], problem: undefined },
      {
        call: { method: 'PATCH', path: ['users', key(1)] },
        differences: [{ property: 'department', before: 'Beta', after: 'Other' }],
      },
    ])
    expect(await writes()).toEqual([])
  })
})

describe('the way back', () => {
  const faults = [
    ['before the call', 'status', { status: 503 }],
    ['the object is refused', 'forbidden', {}],
    ['a timeout at the gateway', 'status', { status: 504 }],
    ['a wrong answer', 'html-200', {}],
  ] as const

  it.each(
    [0, 1, 2].flatMap((step) =>
      faults.map(([what, fault, spec]) => [step, what, fault, spec] as const),
    ),
  )('from step %i, %s', async (step, _what, fault, spec) => {
    await world.control.fault(fault, { method: 'PATCH', path: key(step), ...spec })
    const { transaction, steps } = await change(['Way A', 'Way B', 'Way C'])
    await world.control.clearFaults()
    expect(transaction?.state).toBe('undone')
    expect(transaction?.error).toMatchObject({
      code: expect.any(String),
      message: expect.any(String),
    })
    // The others had begun beside it, or never began.
    for (const state of states(steps)) expect(['undone', 'skipped']).toContain(state)
    expect((await world.control.snapshot()).users).toEqual(before.users)
    expect(await disagreements(world)).toEqual([])
  })

  it('is not taken because Microsoft has no room: the work waits, and goes on', async () => {
    await world.control.fault('throttle', { method: 'PATCH', path: key(1), retryAfter: '0' })
    const id = await queueDepartments(['Later A', 'Later B', 'Later C'])
    expect(await advanceTransaction(world.engine, world.job(id))).toEqual({
      waitMs: expect.any(Number),
    })
    await world.control.clearFaults()
    expect(await advanceTransaction(world.engine, world.job(id))).toEqual({ done: true })
    expect(await departmentsThere(3)).toEqual(['Later A', 'Later B', 'Later C'])
    expect(await disagreements(world)).toEqual([])
  })

  it.each([0, 1, 2])(
    'an unknown outcome at step %i is read back and counts as done',
    async (step) => {
      await world.control.fault('unknown-outcome', { method: 'PATCH', path: key(step), count: 6 })
      const wanted = [`Known ${step} A`, `Known ${step} B`, `Known ${step} C`]
      const { transaction } = await change(wanted)
      expect(transaction?.state).toBe('succeeded')
      expect(await departmentsThere(3)).toEqual(wanted)
      expect(await disagreements(world)).toEqual([])
    },
  )

  it('ends stuck where undoing fails for good, with what is left and the call that mends it', async () => {
    await world.control.fault('forbidden', { method: 'PATCH', path: key(2) })
    await world.control.fault('forbidden', { method: 'PATCH', path: key(0), skip: 1 })
    const { transaction, steps } = await change(['Stuck A', 'Stuck B', 'Stuck C'])
    expect(transaction?.state).toBe('stuck')
    expect(states(steps)).toEqual(['stuck', 'undone', 'undone'])
    expect(steps[0]?.error?.left).toBe(
      `PATCH /users/${key(0)} ${JSON.stringify({ department: userAt(0).department })}`,
    )
    expect((await departmentsThere(2))[0]).toBe('Stuck A')
    await world.control.mutate('update', {
      id: key(0),
      values: { department: userAt(0).department },
    })
    await advanceSync(world.engine, world.job(await world.newRun()))
  })

  it('leaves alone what somebody else has changed since', async () => {
    await world.control.fault('forbidden', { method: 'PATCH', path: key(0), skip: 1 })
    const engine = interfere(async () => {
      await world.control.mutate('update', { id: key(0), values: { department: 'Somebody' } })
    })
    const id = await queueOnOne([{ department: 'Mine A' }, { jobTitle: 'Mine B' }])
    await advanceTransaction(engine, world.job(id))
    const { transaction, steps } = await read(id)
    expect(transaction?.state).toBe('stuck')
    expect(steps[0]?.error).toMatchObject({ code: 'microsoft-conflict' })
    expect((await departmentsThere(1))[0]).toBe('Somebody')
    await advanceSync(world.engine, world.job(await world.newRun()))
  })

  it('does not begin where an expected value is not there', async () => {
    const id = await queueDepartments(['Back'], [{ department: 'Never was' }])
    await advanceTransaction(world.engine, world.job(id))
    const { transaction, steps } = await read(id)
    expect(transaction).toMatchObject({ state: 'undone', error: { code: 'microsoft-conflict' } })
    expect(states(steps)).toEqual(['skipped'])
    expect(await writes()).toEqual([])
  })
})

describe('work that changes hands', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'cut off at call %i it is finished by the next',
    async (calls) => {
      const id = await queueDepartments([`Cut ${calls} A`, `Cut ${calls} B`])
      const stop = new AbortController()
      const engine = countdown(calls, () => stop.abort())
      await advanceTransaction(engine, { id, scope: world.scope, signal: stop.signal }).catch(
        () => {},
      )
      await advanceTransaction(world.engine, world.job(id))
      const { transaction, steps } = await read(id)
      expect(transaction?.state).toBe('succeeded')
      expect(steps[0]?.before).toEqual({ department: userAt(0).department })
      expect(await departmentsThere(2)).toEqual([`Cut ${calls} A`, `Cut ${calls} B`])
      expect((await writes()).length).toBeLessThanOrEqual(2)
      expect(await disagreements(world)).toEqual([])
    },
  )

  it('refuses the one who was taken over', async () => {
    const id = await queueDepartments(['Late A', 'Late B'])
    let release = () => {}
    const waiting = new Promise<void>((resolve) => {
      release = resolve
    })
    let first = true
    const engine = interfere(async () => {
      if (first) {
        first = false
        await waiting
      }
    })
    const late = expect(advanceTransaction(engine, world.job(id))).rejects.toMatchObject({
      code: 'fenced',
    })
    await new Promise((resolve) => setTimeout(resolve, 200))
    await advanceTransaction(world.engine, world.job(id))
    release()
    await late
    expect((await read(id)).transaction?.state).toBe('succeeded')
    expect(await departmentsThere(2)).toEqual(['Late A', 'Late B'])
  })

  it('cancelled between steps it goes back', async () => {
    const id = await queueOnOne([{ department: 'No A' }, { jobTitle: 'No B' }, { city: 'No C' }])
    const engine = interfere(async () => {
      await inScope(world.db, world.scope, (tx) => queries.askToCancelTransaction(tx, id))
    })
    await advanceTransaction(engine, world.job(id))
    const { transaction, steps } = await read(id)
    expect(transaction?.state).toBe('cancelled')
    expect(states(steps)).toEqual(['undone', 'skipped', 'skipped'])
    expect((await world.control.snapshot()).users).toEqual(before.users)
  })
})

/** An engine whose wire does something before the change of the second and later steps is read. */
function interfere(act: () => Promise<void>): Engine {
  return onGet(async (count) => {
    // The first step looks and reads back; the third read is the next step's look.
    if (count === 3) await act()
  })
}

function countdown(calls: number, act: () => void): Engine {
  let left = calls
  return onGet(async () => {
    left--
    if (left === 0) act()
  })
}

function onGet(act: (count: number) => Promise<void>): Engine {
  let count = 0
  return withWires(world.engine, (wire) => ({
    get: async (...call) => {
      count++
      await act(count)
      return wire.get(...call)
    },
  }))
}
