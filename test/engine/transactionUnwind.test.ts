import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AppError } from '../../src/core/errors.ts'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { advanceTransaction } from '../../src/engine/transaction/advanceTransaction.ts'
import type { Snapshot } from './control.ts'
import { disagreements } from './observed.ts'
import {
  type Case,
  cases,
  groups,
  image,
  onCall,
  queueSteps,
  readBack,
  type TestStep,
  users,
} from './transactionCases.ts'
import { startWorld, type World } from './world.ts'

let world: World
let before: Snapshot
let step: TestStep

beforeAll(async () => {
  world = await startWorld({ users: 80, groups: 6, seed: 23 })
  await sync()
})
afterAll(() => world.close())

/** The step is prepared anew each time, from the tenant as it is then. */
async function prepare(one: Case) {
  step = await one.prepare(world, await world.control.snapshot())
  before = await world.control.snapshot()
  await world.control.clearCalls()
}
beforeEach(() => world.control.clearFaults())
afterEach(async () => {
  await world.control.clearFaults()
  expect(await world.control.violations()).toEqual([])
})

async function run(steps: readonly TestStep[]) {
  const id = await queueSteps(world, steps)
  await advanceTransaction(world.engine, world.job(id))
  return { id, ...(await readBack(world, id)) }
}

async function imageNow() {
  return image(await world.control.snapshot())
}

async function sync() {
  const concerned = world.models.filter(({ id }) => [users, groups].includes(id))
  await advanceSync(world.engine, world.job(await world.newRun(false, concerned)))
}

/** Our copy is right at once, but for the edges of what was deleted: those come with a sync. */
async function expectAgreement() {
  await sync()
  expect(await disagreements(world)).toEqual([])
}

const writes = async () =>
  (await world.control.calls('&writes=true')).filter((call) => call.applied)

/** Another step on the same object, so that it comes after: it is refused, and all goes back. */
function refusedStep(one: Case): TestStep {
  const { input } = step
  const to = Object(input.to)
  const key = one.name === 'create' ? { step: 1 } : (to.key ?? input.key ?? null)
  return {
    kind: 'update',
    input: { model: users, key, set: { jobTitle: 'Refused' }, expect: { jobTitle: 'Not this' } },
  }
}

const faults = [
  ['before the call', 'status', { status: 503 }],
  ['by a refusal', 'forbidden', {}],
  ['by a timeout', 'status', { status: 504 }],
  ['by a wrong reply', 'html-200', {}],
  ['by a broken connection', 'reset-before-headers', {}],
] as const

describe.each(cases)('$name', (one) => {
  beforeEach(() => prepare(one))

  it('is done, once, and read back', async () => {
    const { transaction, steps } = await run([step])
    expect({ ...transaction?.error, state: transaction?.state }).toEqual({ state: 'succeeded' })
    expect(steps[0]).toMatchObject({ state: 'done', error: null })
    expect(await writes()).toHaveLength(1)
    expect(await imageNow()).not.toEqual(image(before))
    await expectAgreement()
  })

  it.each(faults)('A1: fails %s: nothing is left', async (_what, fault, spec) => {
    await world.control.fault(fault, { ...one.does, ...spec })
    const { transaction } = await run([step])
    await world.control.clearFaults()
    // A password that did not show may yet be set: that is said, unless it was refused.
    const unsure = one.name === 'password' && fault !== 'forbidden'
    expect(transaction?.state).toBe(unsure ? 'stuck' : 'undone')
    expect(await imageNow()).toEqual(image(before))
    await expectAgreement()
  })

  it.each([
    ['once', { count: 1 }],
    ['each time', {}],
  ])('A1: of an unknown outcome %s is read back', async (_often, spec) => {
    await world.control.fault('unknown-outcome', { ...one.does, ...spec })
    const { transaction } = await run([step])
    expect(transaction?.state).toBe('succeeded')
    const creations = (await writes()).filter(({ method }) => method === 'POST')
    expect(creations.length).toBeLessThanOrEqual(1)
    await expectAgreement()
  })

  it('A1: waits when there is no room, and goes on', async () => {
    await world.control.fault('throttle', { ...one.does, retryAfter: '0', count: 40 })
    const id = await queueSteps(world, [step])
    for (let turn = 0; turn < 20; turn++) {
      const advance = await advanceTransaction(world.engine, world.job(id))
      if ('done' in advance) break
    }
    expect((await readBack(world, id)).transaction?.state).toBe('succeeded')
    expect(await writes()).toHaveLength(1)
    await expectAgreement()
  })
})

describe.each(cases)('the way back of $name', (one) => {
  beforeEach(() => prepare(one))

  it('A1: goes back when a later step fails', async () => {
    const { transaction, steps } = await run([step, refusedStep(one)])
    if (one.undoes === undefined) {
      expect(transaction?.state).toBe('stuck')
      expect(steps[0]).toMatchObject({ state: 'stuck', error: { left: expect.any(String) } })
    } else {
      expect(transaction?.state).toBe('undone')
      expect(steps.map(({ state }) => state)).toEqual(['undone', 'skipped'])
    }
    if (one.undoes !== undefined) expect(await imageNow()).toEqual(image(before))
    await expectAgreement()
  })

  it.runIf(one.undoes)(
    'A3: ends stuck, with the call to make, where the way back is shut',
    async () => {
      await world.control.fault('forbidden', { ...one.undoes, skip: skipOf(one) })
      const { transaction, steps } = await run([step, refusedStep(one)])
      expect(transaction?.state).toBe('stuck')
      expect(steps[0]?.error).toMatchObject({
        code: 'consent-missing',
        left: expect.stringMatching(new RegExp(`^${one.undoes?.method} /`)),
      })
      await world.control.clearFaults()
    },
  )
})

describe.each(cases)('$name, cut off', (one) => {
  it.each([
    ['forward', false],
    ['back', true],
  ])(
    'A4: cut off anywhere on the way %s, the next worker ends it',
    async (_way, back) => {
      if (back && one.undoes === undefined) return
      for (let cut = 1; cut <= 40; cut++) {
        await prepare(one)
        const id = await queueSteps(world, back ? [step, refusedStep(one)] : [step])
        const stop = new AbortController()
        const engine = onCall(world, (count) => {
          if (count === cut) stop.abort()
          if (stop.signal.aborted) throw new AppError('cancelled', 'the worker was killed')
        })
        const job = { id, scope: world.scope, signal: stop.signal }
        await advanceTransaction(engine, job).catch(() => {})
        const { transaction: first } = await readBack(world, id)
        await advanceTransaction(world.engine, world.job(id))
        const { transaction } = await readBack(world, id)
        expect({ cut, state: transaction?.state }).toEqual({
          cut,
          state: back ? 'undone' : 'succeeded',
        })
        if (back) expect(await imageNow()).toEqual(image(before))
        else if (one.does.method === 'POST') expect(await writes()).toHaveLength(1)
        if (first?.endedAt) break
      }
      await expectAgreement()
    },
    60_000,
  )
})

/** Where doing and undoing are the same call, the first one passes. */
function skipOf({ does, undoes }: Case): number {
  return does.method === undoes?.method && does.path === undoes.path ? 1 : 0
}
