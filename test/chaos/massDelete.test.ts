import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { disagreements } from '../engine/observed.ts'
import { startWorld, type World } from '../engine/world.ts'
import { decide, removals, sync } from './support.ts'

const people = 60
const list = '/v1.0/users\\?'
const one = '/v1.0/users/[0-9a-f-]{36}\\?'
let world: World
/** A tenant of which half is less than needs a yes. */
let few: World

beforeAll(async () => {
  world = await startWorld({ users: people, seed: 21 })
  few = await startWorld({ users: 16, seed: 22 })
  await sync(world)
  await sync(few)
})
afterEach(async () => {
  await world.control.clearFaults()
  await world.control.mutate('restore')
  await sync(world, true)
  expect(await disagreements(world)).toEqual([])
})
afterAll(() => Promise.all([world.close(), few.close()]))

const others = (run: Awaited<ReturnType<typeof sync>>) =>
  Object.values(run.models).filter(({ model }) => model !== 'MSOLUser')

// Fails when `settleFound` compares with >= or with the threshold plus one.
it('B6: ten people gone are believed, eleven wait for a person with the list of them', async () => {
  await world.control.mutate('delete-users', { users: 10, seed: 1 })
  expect(await sync(world)).toMatchObject({
    ...{ state: 'succeeded', models: { MSOLUser: { phase: 'done', removed: 10 } } },
  })
  const gone = await world.control.mutate('delete-users', { users: 11, seed: 2 })
  const run = await sync(world)
  expect(run).toMatchObject({
    ...{ state: 'awaiting-approval', models: { MSOLUser: { phase: 'held', removed: 0 } } },
  })
  expect(await removals(world, run.id)).toEqual({ held: gone.toSorted() })
  expect(others(run).every(({ phase }) => phase === 'done')).toBe(true)
})

// Fails when `settleFound` holds nothing.
it.each(['empty-list', 'half-missing'])(
  'a list with %s, and no object to be read either: nothing is removed unasked',
  async (fault) => {
    await world.control.fault(fault, { path: list })
    // So that reading each by its key is no second defence here.
    await world.control.fault('status', { path: one, status: 404 })
    const run = await sync(world, true)
    expect(run).toMatchObject({
      ...{ state: 'awaiting-approval', models: { MSOLUser: { phase: 'held', removed: 0 } } },
    })
    expect((await removals(world, run.id)).held?.length).toBeGreaterThan(10)
    expect(others(run).every(({ phase }) => phase === 'done')).toBe(true)
    expect(await disagreements(world)).toEqual([])
    await decide(world, run.id, 'refused')
  },
)

// Fails when `presentKeys` takes any failure of a read for "not there".
it.each([
  ['forbidden', {}],
  ['status', { status: 503 }],
  ['html-200', {}],
  ['empty-body', {}],
  ['reset-before-headers', {}],
])('%s instead of the direct read is no proof that somebody is gone', async (name, more) => {
  // So few that they could be removed unasked.
  await few.control.fault('half-missing', { path: list })
  await few.control.fault(name, { path: one, ...more })
  const run = await sync(few, true)
  expect(run).toMatchObject({ models: { MSOLUser: { phase: 'failed', removed: 0 } } })
  const found = (await removals(few, run.id)).due ?? []
  expect(found.length > 0 && found.length <= 10).toBe(true)
  expect(others(run).every(({ phase }) => phase === 'done')).toBe(true)
  await few.control.clearFaults()
  expect(await disagreements(few)).toEqual([])
})

it.each(['forbidden', 'html-200', 'token-refused'])(
  '%s for one model removes nothing of it, and the others finish',
  async (fault) => {
    await world.control.fault(fault, { path: '/v1.0/groups' })
    const run = await sync(world, true)
    expect(run).toMatchObject({
      ...{ state: 'succeeded-with-errors', models: { Groups: { phase: 'failed', removed: 0 } } },
    })
    const rest = Object.values(run.models).filter(({ model }) => model !== 'Groups')
    expect(rest.every(({ phase }) => phase === 'done')).toBe(true)
    await world.control.clearFaults()
    expect(await disagreements(world)).toEqual([])
  },
)
