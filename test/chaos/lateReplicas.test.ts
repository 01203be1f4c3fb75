import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Clock } from '../../src/core/clock.ts'
import { advanceTransaction } from '../../src/engine/transaction/advanceTransaction.ts'
import { disagreements } from '../engine/observed.ts'
import { queueSteps, readBack, users as userModel } from '../engine/transactionCases.ts'
import { startWorld, type World } from '../engine/world.ts'
import { systemClock } from '../store/testing.ts'
import { sync } from './support.ts'

/** The longest a replica trails behind: Microsoft's minutes, some hundred times as fast. */
const lagMs = 900
/** Waits a sixteenth as long, as the replicas' lag is shorter than Microsoft's. */
const clock: Clock = {
  now: systemClock.now,
  sleep: (ms, signal) => systemClock.sleep(ms / 16, signal),
}
let world: World

beforeAll(async () => {
  world = await startWorld({ users: 80, groups: 6, seed: 27 }, { clock })
  world.settings.pageSize = 20
  await sync(world)
})
afterAll(() => world.close())

const lag = (readMs: number, eventualMs: number) =>
  world.control.ask('PATCH', `tenants/${world.access.tenantId}`, {
    lag: readMs === 0 ? null : { readMs, eventualMs },
  })
const person = (name: string) => ({
  ...{ accountEnabled: true, displayName: name, mailNickname: name },
  userPrincipalName: `${name}@${world.access.domain}`,
})
const settled = () => new Promise((resolve) => setTimeout(resolve, lagMs))

// Fails when what was made or changed is looked at once only, or a call whose answer was lost is
// sent again without a look.
it('B7: people made and changed are read back until it shows, and made once', async () => {
  await lag(lagMs, lagMs)
  await world.control.clearCalls()
  await world.control.fault('unknown-outcome', { method: 'POST', path: '/v1.0/users$', count: 1 })
  const { users } = await world.control.snapshot()
  const made = ['one', 'two'].map((name) => ({
    kind: 'create',
    input: { model: userModel, set: person(name), password: true },
  }))
  const changed = users.slice(0, 3).map(({ id }) => ({
    kind: 'update',
    input: { model: userModel, key: String(id), set: { department: 'Late' }, expect: null },
  }))
  const id = await queueSteps(world, [...made, ...changed])
  await advanceTransaction(world.engine, world.job(id))
  const { transaction } = await readBack(world, id)
  expect(transaction).toMatchObject({ state: 'succeeded', error: null })
  const written = (await world.control.calls('&writes=true')).filter(({ applied }) => applied)
  expect(written).toHaveLength(5)
  await lag(0, 0)
  expect(await disagreements(world)).toEqual([])
})

// Fails when somebody absent from a list is removed without a direct read, or a delta is believed
// to be newer than what was read behind it.
it('B7: syncs between replicas that know different things end at the truth, and remove nobody else', async () => {
  await lag(lagMs, lagMs)
  let removed = 0
  for (let round = 1; round <= 4; round++) {
    await world.control.mutate('create-users', { users: 3, seed: round })
    await world.control.mutate('departments', { users: 5, seed: round })
    await world.control.mutate('delete-users', { users: 1, seed: round })
    removed += (await sync(world, round % 2 === 0)).models.MSOLUser?.removed ?? 0
  }
  await settled()
  removed += (await sync(world)).models.MSOLUser?.removed ?? 0
  // Four were deleted, perhaps one of them before it was seen; anybody else came back later.
  expect(removed).toBeLessThanOrEqual(4)
  expect(await disagreements(world)).toEqual([])
  await lag(0, 0)
})

// Fails when a full list is followed by the changes since it began.
it('B7: what came right before a full list is not lost, though the copy that lists knows nothing of it', async () => {
  await lag(60_000, 0)
  await world.control.mutate('create-users', { users: 3, seed: 9 })
  expect((await sync(world, true)).models.MSOLUser).toMatchObject({ added: 3, removed: 0 })
  expect(await disagreements(world)).toEqual([])
  await lag(0, 0)
})
