import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { disagreements } from '../engine/observed.ts'
import { startWorld, type World } from '../engine/world.ts'
import { sync } from './support.ts'

let world: World

beforeAll(async () => {
  world = await startWorld({ users: 300, groups: 6, seed: 26 })
  world.settings.pageSize = 30
})
afterEach(() => world.control.clearFaults())
afterAll(() => world.close())

// Fails when a page takes every object for a new one.
it('B5: a first list in disorder, with people doubled, is the tenant', async () => {
  await world.control.fault('duplicate-items', { probability: 0.5, seed: 1 })
  await world.control.fault('reorder-items', {})
  const run = await sync(world)
  expect(run).toMatchObject({ state: 'succeeded', models: { MSOLUser: { added: 300 } } })
  expect(await disagreements(world)).toEqual([])
})

// Fails when the delta token is taken behind the list, or what the delta reports is dropped.
it.each([true, false])(
  'B5: what changes between its pages is not lost (full: %s)',
  async (full) => {
    await world.control.mutate('departments', { users: 300, seed: 9 })
    let pages = 0
    const change = async (noun: string) => {
      if (noun !== 'user' || ++pages > 9) return
      await world.control.mutate('departments', { users: 3, seed: pages })
      await world.control.mutate('delete-users', { users: 1, seed: pages })
      await world.control.mutate('create-users', { users: 1, seed: pages })
      await world.control.mutate('group-members', { groups: 2, add: 1, remove: 1, seed: pages })
    }
    const run = await sync(world, full, change)
    expect(run.state).toBe('succeeded')
    expect(run.models.MSOLUser?.removed).toBeLessThanOrEqual(10)
    // Groups are read behind the people: what changed of these meanwhile the next delta brings.
    await sync(world)
    expect(await disagreements(world)).toEqual([])
  },
)

// Fails when a delta that is no longer known ends the model instead of listing it anew.
it('B5: a delta token that is lost costs one full list and nothing else', async () => {
  await sync(world)
  await world.control.mutate('departments', { users: 20, seed: 3 })
  await world.control.mutate('delete-users', { users: 2, seed: 3 })
  await world.control.fault('expired-delta-token', { path: '/users/delta', count: 1 })
  await world.control.clearCalls()
  expect(await sync(world)).toMatchObject({
    ...{ state: 'succeeded', models: { MSOLUser: { phase: 'done', removed: 2 } } },
  })
  const lists = (await world.control.calls()).filter(({ path }) => /\/users\?/.test(path))
  expect(lists.length).toBeGreaterThanOrEqual(10)
  expect(lists.length).toBeLessThan(15)
  expect(await disagreements(world)).toEqual([])
})

it('B5: while every delta token is lost nobody is removed, and the next sync makes up for it', async () => {
  await world.control.mutate('departments', { users: 20, seed: 4 })
  await world.control.mutate('delete-users', { users: 3, seed: 4 })
  await world.control.fault('expired-delta-token', {})
  const run = await sync(world)
  // Every delta token is forgotten, the one of the list's beginning as well.
  expect(run.models.MSOLUser).toMatchObject({ phase: 'failed', removed: 0 })
  await world.control.clearFaults()
  expect(await sync(world)).toMatchObject({
    ...{ state: 'succeeded', models: { MSOLUser: { phase: 'done', removed: 3 } } },
  })
  expect(await disagreements(world)).toEqual([])
})
