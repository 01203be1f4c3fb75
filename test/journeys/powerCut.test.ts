import { afterAll, beforeAll, expect, it } from 'vitest'
import { differences } from './truth.ts'
import {
  ended,
  firstPeople,
  slowDown,
  startMove,
  startSync,
  stepsDone,
  untilPages,
} from './work.ts'
import { openWorld, postgresPid, until, type World } from './world.ts'

let world: World
let tenantId: number

beforeAll(async () => {
  world = await openWorld(300)
  await world.serve()
  tenantId = await world.attach('Contoso', { userPageSize: 20 })
})
afterAll(() => world.close({ cut: true }))

/**
 * Everything of ours is killed at once, the database with it, and started anew. Not quite a power
 * cut: what the kernel was handed before is kept.
 */
async function cutPower(): Promise<void> {
  const postgres = await postgresPid(world.dataDir)
  if (postgres === undefined) throw new Error('there is no PostgreSQL to kill')
  process.kill(postgres, 'SIGKILL')
  await Promise.all(world.living().map((one) => one.end('SIGKILL')))
  await world.serve()
}

it('A4: a first sync goes on where the power went', async () => {
  await slowDown(world, 250)
  const id = await startSync(world, tenantId)
  await untilPages(world, id, 5)
  await cutPower()
  await slowDown(world, 0)
  expect(await ended(world, 'sync', id, 20_000)).toMatchObject({ state: 'succeeded' })
  const lists = (await world.microsoft.calls()).filter(({ path }) => /\/users\?/.test(path))
  expect(lists.length).toBeLessThanOrEqual(15 + 2)
  expect(await differences(world)).toEqual([])
}, 60_000)

it('A4: a transaction changes each object once, whenever the power goes', async () => {
  const keys = await firstPeople(world, tenantId, 20)
  await slowDown(world, 100)
  await world.microsoft.clearCalls()
  const id = await startMove(world, tenantId, keys, 'Night Watch')
  for (const steps of [3, 9]) {
    await until(`step ${steps}`, 30_000, async () => (await stepsDone(world, id)) >= steps)
    await cutPower()
  }
  await slowDown(world, 0)
  expect(await ended(world, 'transaction', id, 20_000)).toMatchObject({
    ...{ state: 'succeeded', steps: { total: 20, done: 20 } },
  })
  const writes = (await world.microsoft.calls('&writes=true')).filter(({ applied }) => applied)
  expect(writes.map(({ path }) => path).sort()).toEqual(
    [...new Set(writes.map(({ path }) => path))].sort(),
  )
  expect(writes).toHaveLength(20)
  expect(await differences(world)).toEqual([])
}, 60_000)
