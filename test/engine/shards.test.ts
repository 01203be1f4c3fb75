import { afterAll, beforeAll, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { disagreements, outcome } from './observed.ts'
import { startWorld, type World } from './world.ts'

const people = 7_000
const pageRows = 999

let world: World

beforeAll(async () => {
  world = await startWorld({ users: people, seed: 11 })
})
afterAll(() => world.close())

const users = async () => {
  const models = await world.engine.models.current()
  return models.filter((model) => model.id.endsWith('MSOLUser'))
}

async function sync(fullList: boolean) {
  const id = await world.newRun(fullList, await users())
  await world.control.clearCalls()
  await advanceSync(world.engine, world.job(id))
  return (await outcome(world, id)).models.MSOLUser
}

/** Paths of the list's pages that were asked for, in order. */
async function listed(): Promise<string[]> {
  const paths = (await world.control.calls()).map(({ path }) => decodeURIComponent(path))
  return paths.filter((path) => path.includes('/users?') && path.includes('$expand'))
}

// Fails when a range ends a second before the next one begins.
it('reads everybody once, in shards, at the price of a part of a page for each', async () => {
  expect(await sync(true)).toMatchObject({ phase: 'done', added: people, unchanged: 0 })
  const pages = await listed()
  const shards = new Set(pages.map((path) => /\$filter=([^&]*)/.exec(path)?.[1]))
  expect(shards.size).toBe(Math.floor(people / limits.shardRows))
  const requests = (await world.control.calls()).filter(({ batched }) => !batched)
  expect(requests.length).toBeLessThanOrEqual(Math.ceil(people / pageRows) + shards.size + 5 + 1)
  const wrong = (await disagreements(world)).filter((line) => /^(users|link: manager)/.test(line))
  expect(wrong).toEqual([])
})

// Fails when who has no such time is not asked for: they are in no range.
it('reads in one piece who came before there were such times', async () => {
  const [somebody] = await world.control.mutate('departments', { users: 1, seed: 5 })
  await world.control.mutate('update', { id: somebody ?? '', values: { createdDateTime: null } })
  expect(await sync(true)).toMatchObject({ phase: 'done', added: 0, removed: 0, updated: 1 })
  expect((await listed()).some((path) => path.includes('$filter'))).toBe(false)
  const back = { createdDateTime: '2020-02-29T23:59:59Z' }
  await world.control.mutate('update', { id: somebody ?? '', values: back })
})

it('goes on in each shard where it was cut off', async () => {
  const id = await world.newRun(true, await users())
  const stop = new AbortController()
  const cut = advanceSync(world.engine, { ...world.job(id), signal: stop.signal })
  const end = expect(cut).rejects.toBeDefined()
  await world.control.clearCalls()
  while ((await outcome(world, id)).models.MSOLUser?.unchanged === 0) {
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  stop.abort()
  await end
  await world.control.clearCalls()
  await advanceSync(world.engine, world.job(id))
  expect((await outcome(world, id)).models.MSOLUser).toMatchObject({
    ...{ phase: 'done', added: 0, removed: 0 },
    // Whoever had changed is listed, and told once more by the changes since the last sync.
    unchanged: people,
    updated: 1,
  })
  const rows = (await world.control.calls())
    .filter(({ path }) => path.includes('expand'))
    .reduce((sum, call) => sum + call.rows, 0)
  expect(rows).toBeLessThan(people)
})
