import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Clock } from '../../src/core/clock.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { limits } from '../../src/core/limits.ts'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { advanceTransaction } from '../../src/engine/transaction/advanceTransaction.ts'
import { undoTransaction } from '../../src/features/transactions/transactions.ts'
import { enqueueJob } from '../../src/store/jobs/job.ts'
import { systemClock } from '../store/testing.ts'
import type { Snapshot } from './control.ts'
import {
  groups,
  image,
  personAt,
  plainGroup,
  queueSteps,
  readBack,
  type TestStep,
  users,
} from './transactionCases.ts'
import { administrator, startWorld, type World } from './world.ts'

/** Waits a hundredth of the time: a lag of a second stands for one of a hundred. */
const scale = 100
const quickClock: Clock = {
  now: () => systemClock.now(),
  sleep: async (ms, signal) => {
    slept.push(ms)
    await onSleep?.()
    await systemClock.sleep(ms / scale, signal)
  },
}
let slept: number[] = []
let onSleep: (() => Promise<void>) | undefined
const parts = () => ({ engine: world.engine, jobs: { enqueue: enqueueJob } })
const freeFlow = { skuId: 'f30db892-07e9-47e9-837c-80727f46fd3d', name: 'FLOW_FREE' }

let world: World
let before: Snapshot
let made = 0

beforeAll(async () => {
  world = await startWorld({ users: 40, groups: 6, seed: 41 }, { clock: quickClock })
  await advanceSync(world.engine, world.job(await world.newRun()))
})
beforeEach(async () => {
  await lag(0)
  before = await world.control.snapshot()
  await world.control.clearCalls()
})
afterEach(() => world.control.clearFaults())
afterAll(() => world.close())

const lag = (readMs: number) =>
  world.control.ask('PATCH', `tenants/${world.access.tenantId}`, {
    lag: readMs === 0 ? null : { readMs, eventualMs: readMs },
  })

async function run(steps: readonly TestStep[]) {
  const id = await queueSteps(world, steps)
  await advanceTransaction(world.engine, world.job(id))
  return readBack(world, id)
}

function newUser(set: JsonObject = {}): TestStep {
  const alias = `late.${made++}`
  const userPrincipalName = `${alias}@${world.access.domain}`
  const values = { accountEnabled: true, displayName: 'Late', mailNickname: alias, ...set }
  const input = { model: users, set: { ...values, userPrincipalName }, password: true }
  return { kind: 'create', input }
}

const link = (key: string, to: string | { step: number }): TestStep => ({
  kind: 'link',
  input: { model: groups, key, link: 'member', to: { model: users, key: to }, present: true },
})
const licence = (key: string | { step: number }): TestStep => ({
  kind: 'licence',
  input: { model: users, key, add: [{ ...freeFlow, disabledPlans: [] }], remove: [] },
})
const update = (key: string | { step: number }, set: JsonObject): TestStep => ({
  kind: 'update',
  input: { model: users, key, set, expect: null },
})
const refused = (key: string | { step: number }): TestStep => ({
  kind: 'update',
  input: { model: users, key, set: { jobTitle: 'No' }, expect: { jobTitle: 'Not this' } },
})

async function created(): Promise<number> {
  const { users: people } = await world.control.snapshot()
  return people.length - before.users.length
}

const posts = async () =>
  (await world.control.calls('&writes=true')).filter(
    ({ method, path, applied }) => applied && method === 'POST' && /\/users(\?|$)/.test(path),
  )

describe('where every copy learns of a write a while later', () => {
  it.each([50, 500, 1_500])('a user is made once (%i ms)', async (readMs) => {
    await lag(readMs)
    const { transaction } = await run([newUser()])
    expect(transaction?.state).toBe('succeeded')
    expect(await created()).toBe(1)
  })

  it.each([50, 500])('a lost answer makes no second one (%i ms)', async (readMs) => {
    await lag(readMs)
    await world.control.fault('unknown-outcome', {
      method: 'POST',
      path: '/users(\\?|$)',
      count: 1,
    })
    const { transaction } = await run([newUser()])
    expect(transaction?.state).toBe('succeeded')
    expect(await created()).toBe(1)
    expect(await posts()).toHaveLength(1)
  })

  const newPassword = (nth: number): TestStep => ({
    kind: 'password',
    input: { model: users, key: String(personAt(before, nth).id), mustChange: true },
  })

  it('a new password is done when its time shows, whether or not its answer came', async () => {
    await lag(500)
    for (const [nth, fault] of [[5, undefined] as const, [6, 'unknown-outcome'] as const]) {
      if (fault !== undefined) await world.control.fault(fault, { method: 'PATCH' })
      const { transaction, steps } = await run([newPassword(nth)])
      expect(transaction?.state).toBe('succeeded')
      const person = (await world.control.snapshot()).users.find(
        ({ id }) => id === personAt(before, nth).id,
      )
      // Sent twice where nobody heard the first answer; the first may be what a copy shows.
      const [was, seen, is] = [steps[0]?.before, steps[0]?.after, person].map((one) =>
        Date.parse(String((one as JsonObject).lastPasswordChangeDateTime)),
      )
      expect(seen).toBeGreaterThan(Number(was))
      expect(seen).toBeLessThanOrEqual(Number(is))
    }
  })

  it('a new password that never shows is not called done', async () => {
    await lag(10_000_000)
    const { transaction, steps } = await run([newPassword(7)])
    expect(transaction?.state).toBe('stuck')
    expect(steps[0]?.error).toMatchObject({ message: expect.stringMatching(/cannot be put back/) })
  })

  it('a change that somebody else overtakes is not waited for by the minute', async () => {
    const key = String(personAt(before, 8).id)
    await lag(500)
    slept = []
    onSleep = async () => {
      onSleep = undefined
      await world.control.mutate('update', { id: key, values: { department: 'Theirs' } })
      await lag(0)
    }
    const { transaction, steps } = await run([update(key, { department: 'Ours' })])
    expect(transaction?.state).toBe('stuck')
    expect(steps[0]?.error).toMatchObject({ message: expect.stringMatching(/somebody else/) })
    expect(slept.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(2 * limits.settleMs)
    const person = (await world.control.snapshot()).users.find(({ id }) => id === key)
    expect(person?.department).toBe('Theirs')
  })

  it('a link whose making nobody heard of is taken back in the time of one look', async () => {
    const group = plainGroup(before)
    await world.control.fault('status', { method: 'POST', path: '/members/\\$ref', status: 500 })
    slept = []
    const { transaction, steps } = await run([link(group, String(personAt(before, 9).id))])
    expect([transaction?.state, steps[0]?.state]).toEqual(['undone', 'undone'])
    expect(slept.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(3 * limits.settleMs)
  })

  it('what was just made can be licensed and put into a group', async () => {
    await lag(500)
    const made = { step: 1 }
    const steps = [
      newUser({ usageLocation: 'DE' }),
      licence(made),
      link(plainGroup(before), made),
      update(made, { department: 'New' }),
    ]
    const { transaction } = await run(steps)
    expect({ ...transaction?.error, state: transaction?.state }).toEqual({ state: 'succeeded' })
    expect(await created()).toBe(1)
  })

  it('a licence waits for the usage location set right before', async () => {
    const key = String(personAt(before, 3).id)
    await world.control.mutate('update', {
      id: key,
      values: { usageLocation: null, assignedLicenses: [] },
    })
    await lag(100)
    const { transaction } = await run([update(key, { usageLocation: 'DE' }), licence(key)])
    expect({ ...transaction?.error, state: transaction?.state }).toEqual({ state: 'succeeded' })
  })

  /** Each in a transaction of its own: the way back begins while other copies still show before. */
  const eightAtOnce = (work: (key: string) => Promise<void>) =>
    Promise.all(Array.from({ length: 8 }, (_, at) => work(String(personAt(before, at).id))))

  it('a change goes back, though it reads as if it had never been', async () => {
    await lag(1_500)
    await eightAtOnce(async (key) => {
      const { transaction } = await run([update(key, { department: 'Short' }), refused(key)])
      expect(transaction?.state).toBe('undone')
    })
    expect(image(await world.control.snapshot())).toEqual(image(before))
  })

  it('an undo asked for right behind sends as well', async () => {
    await lag(1_500)
    await eightAtOnce(async (key) => {
      const { transaction: done } = await run([update(key, { department: 'Undone' })])
      const { id } = await undoTransaction(administrator, parts(), Number(done?.id), undefined)
      await advanceTransaction(world.engine, world.job(id))
      expect((await readBack(world, id)).transaction?.state).toBe('succeeded')
    })
    expect(image(await world.control.snapshot())).toEqual(image(before))
  })

  it('licences and memberships go back as well', async () => {
    const group = plainGroup(before)
    const stranger = before.users.find(({ id }) => !before.links.includes(`member ${group} ${id}`))
    const key = String(stranger?.id)
    await lag(500)
    const { transaction } = await run([
      link(group, key),
      update(key, { usageLocation: 'DE' }),
      licence(key),
      refused(key),
    ])
    expect(transaction?.state).toBe('undone')
    expect(image(await world.control.snapshot())).toEqual(image(before))
  })

  it('an old value is not taken for the new one, and does not end the wait too soon', async () => {
    await lag(100)
    const key = String(personAt(before, 5).id)
    const { transaction, steps } = await run([update(key, { department: 'Shown' })])
    expect(transaction?.state).toBe('succeeded')
    expect(steps[0]?.after).toEqual({ department: 'Shown' })
  })
})
