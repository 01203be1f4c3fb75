import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AppError } from '../../src/core/errors.ts'
import type { Json } from '../../src/core/json.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { advanceTransaction } from '../../src/engine/transaction/advanceTransaction.ts'
import type { StepKind } from '../../src/engine/transaction/step.ts'
import { figure } from '../figures/figure.ts'
import { type Case, cases, queueSteps, readBack, type TestStep, users } from './transactionCases.ts'
import { startWorld, type World } from './world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld({ users: 80, groups: 6, seed: 29 })
})
afterAll(() => world.close())
beforeEach(() => world.control.clearCalls())

/** All that Microsoft holds, but for the second in which a password was set. */
async function imageNow(): Promise<{ [member: string]: Json }> {
  const snapshot = await world.control.snapshot()
  const people = snapshot.users.map(({ lastPasswordChangeDateTime: _, ...person }) => person)
  return { ...snapshot, users: people }
}

const sent = async () =>
  (await world.control.calls('&writes=true')).filter((call) => call.applied).length

/** An engine whose worker dies between the n-th thing a step has done to its end and its record. */
function dyingBehind(nth: number, stop: AbortController): Engine {
  let done = 0
  const dying = (kind: StepKind): StepKind => ({
    ...kind,
    async ensure(...args) {
      const result = await kind.ensure(...args)
      done++
      if (done < nth) return result
      stop.abort()
      throw new AppError('cancelled', 'the worker was killed')
    },
  })
  const kinds = Object.entries(world.engine.stepKinds)
  const stepKinds = Object.fromEntries(kinds.map(([name, kind]) => [name, dying(kind)]))
  return { ...world.engine, stepKinds }
}

/** Does the steps until one is done to its end, then all that is left of them by another worker. */
async function doneTwice(steps: readonly TestStep[], nth: number) {
  const id = await queueSteps(world, steps)
  const stop = new AbortController()
  const job = { ...world.job(id), signal: stop.signal }
  await advanceTransaction(dyingBehind(nth, stop), job).catch(() => {})
  expect(stop.signal.aborted).toBe(true)
  const once = { image: await imageNow(), sent: await sent() }
  await advanceTransaction(world.engine, world.job(id))
  const { transaction } = await readBack(world, id)
  return { once, twice: { image: await imageNow(), sent: await sent() }, transaction }
}

/** Fails behind the step, so that it is taken back. */
function refusedBehind({ name }: Case, { input }: TestStep): TestStep {
  const to = Object(input.to)
  const key = name === 'create' ? { step: 1 } : (to.key ?? input.key ?? null)
  const refused = { set: { jobTitle: 'Refused' }, expect: { jobTitle: 'Not this' } }
  return { kind: 'update', input: { model: users, key, ...refused } }
}

describe.each(cases)('$name', (one) => {
  // Fails when a step that is taken up again does not look first.
  it('A2: done twice, it is as done once, and was sent once', async () => {
    const step = await one.prepare(world, await world.control.snapshot())
    await world.control.clearCalls()
    const { once, twice, transaction } = await doneTwice([step], 1)
    expect(transaction?.state).toBe('succeeded')
    expect(twice.image).toEqual(once.image)
    // A password cannot be read, so it is set again: to the same.
    const again = one.name === 'password' ? 1 : 0
    figure('calls too many of a step done twice', twice.sent - once.sent - again, '= 0')
  })

  // Fails when what is as it should be already counts as a failure on the way back.
  it.runIf(one.undoes)('A2: taken back twice, it is as before', async () => {
    const step = await one.prepare(world, await world.control.snapshot())
    const before = await imageNow()
    const { once, twice, transaction } = await doneTwice([step, refusedBehind(one, step)], 2)
    expect(transaction?.state).toBe('undone')
    expect(twice.image).toEqual(once.image)
    // Whom a creation made lies among the deleted ones.
    expect({ ...twice.image, deleted: [] }).toEqual({ ...before, deleted: [] })
  })
})
