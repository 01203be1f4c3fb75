import { createServer, type Server } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { AppError } from '../../src/core/errors.ts'
import { limits } from '../../src/core/limits.ts'
import { disagreements } from '../engine/observed.ts'
import { startWorld, type World } from '../engine/world.ts'
import { sync, withLimit } from './support.ts'

let world: World
/** Listens where the links lead; nobody may as much as connect. */
let elsewhere: Server
let connections = 0

beforeAll(async () => {
  world = await startWorld({ users: 450, groups: 6, seed: 23 })
  world.settings.pageSize = 100
  await sync(world)
  elsewhere = createServer((socket) => {
    connections++
    socket.destroy()
  })
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  await world.control.clearFaults()
  expect((await sync(world, true)).state).toBe('succeeded')
  expect(await disagreements(world)).toEqual([])
})
afterAll(async () => {
  await world.close()
  elsewhere.close()
})

function portElsewhere(): number {
  const address = elsewhere.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Each place where a list may name its next page. */
const places = [
  ['a list', '/v1.0/users\\?', 'MSOLUser', true],
  ['a delta', '/v1.0/users/delta', 'MSOLUser', false],
  ['members of a group', '/members|groups/delta|groups\\?|batch', 'Groups', true],
] as const

const links: readonly [string, (port: number) => string][] = [
  ['another host', (port) => `https://evil.test:${port}/v1.0/users?$skiptoken=x`],
  ['a host of Microsoft', () => 'https://graph.microsoft.com.evil.test/v1.0/users?$skiptoken=x'],
  ['http', (port) => `http://127.0.0.1:${port}/v1.0/users?$skiptoken=x`],
  ['another port of 127.0.0.1', (port) => `https://127.0.0.1:${port}/v1.0/users?$skiptoken=x`],
  ['metadata', () => 'http://169.254.169.254/latest/meta-data/'],
  ['a name before an @', (port) => `https://graph.test@127.0.0.1:${port}/v1.0/users`],
]

// Fails when `linkUrl` compares the host alone, the protocol alone, or nothing.
it.each(
  // Every link in a list, one of them in every other place.
  places.flatMap((place, at) =>
    links.slice(0, at === 0 ? 9 : 1).map((link) => [place[0], link[0], place, link[1]] as const),
  ),
)('B4: %s that leads to %s is refused, and no token leaves', async (_, __, place, link) => {
  const [, path, model, full] = place
  connections = 0
  await world.control.mutate('departments', { users: 3 })
  await world.control.fault('foreign-next-link', { path, value: link(portElsewhere()) })
  const run = await sync(world, full)
  expect(run.models[model]).toMatchObject({
    ...{ phase: 'failed', removed: 0, error: { code: 'microsoft-broken-answer' } },
  })
  expect(run.state).toBe('succeeded-with-errors')
  expect(connections).toBe(0)
})

// Fails when neither `linkIn` nor `readPages` remembers where it came from.
it.each(places)('B4: %s whose next page is itself ends', async (_, path, model, full) => {
  await world.control.mutate('departments', { users: 3 })
  await world.control.fault('repeat-next-link', { path })
  const run = await sync(world, full)
  expect(run.models[model]).toMatchObject({ phase: 'failed', removed: 0 })
  expect(run.models[model]?.requests).toBeLessThan(20)
})

// Fails when a loop over pages has no limit: it then never ends.
it.each(places)('B4: %s without an end stops at the limit', async (_, path, model, full) => {
  // Fewer than it takes to notice that its pages repeat.
  await withLimit('syncPagesMax', 20, async () => {
    await world.control.mutate('departments', { users: 3 })
    await world.control.fault('endless-next-link', { path })
    const run = await sync(world, full)
    expect(run.models[model]).toMatchObject({ phase: 'failed', removed: 0 })
    expect(run.models[model]?.requests).toBeLessThan(20 * 2 * limits.partReadsInFlight)
  })
})

// Fails when only the link is compared, which is a new one each time.
it.each(places.slice(0, 2))(
  'B4: %s whose pages repeat under new links ends soon',
  async (_, path, model, full) => {
    await world.control.mutate('departments', { users: 3 })
    await world.control.fault('endless-next-link', { path })
    const run = await sync(world, full)
    expect(run.models[model]).toMatchObject({ phase: 'failed', removed: 0 })
    expect(run.models[model]?.requests).toBeLessThan(3 * limits.pagesRepeatedMax)
  },
)

// Fails when only a delta begins anew, or when the pages read before keep their numbers.
it.each([
  ['a list', '/v1.0/users\\?', true],
  ['a delta', '/v1.0/users/delta', false],
])('B4: %s whose place is forgotten behind its first page begins anew', async (_, path, full) => {
  await world.control.mutate('delete-users', { users: 1 })
  await world.control.mutate('departments', { users: 449 })
  await world.control.fault('expired-page-token', { path, count: 1 })
  const run = await sync(world, full)
  expect(run).toMatchObject({
    ...{ state: 'succeeded', models: { MSOLUser: { phase: 'done', removed: 1 } } },
  })
  expect(await disagreements(world)).toEqual([])
  await world.control.mutate('restore')
})

// Fails when `beginList` keeps what was seen by the list that broke off.
it('B4: who is deleted while a list begins anew is not taken for seen', async () => {
  const { users } = await world.control.snapshot()
  const ids = users.slice(0, 3).map(({ id }) => id)
  let pages = 0
  const run = await sync(world, true, async (noun) => {
    if (noun !== 'user' || ++pages !== 2) return
    await world.control.mutate('delete-users', { ids })
    throw new AppError('microsoft-token-expired', 'The place in the list is forgotten.')
  })
  expect(pages).toBeGreaterThan(5)
  expect(run).toMatchObject({ models: { MSOLUser: { phase: 'done', removed: 3 } } })
  expect(await disagreements(world)).toEqual([])
  await world.control.mutate('restore')
})

it('B4: a list whose page tokens end at once does not begin anew for ever', async () => {
  await world.control.fault('expired-page-token', { path: '/v1.0/users\\?' })
  const run = await sync(world, true)
  expect(run.models.MSOLUser).toMatchObject({ phase: 'failed', removed: 0 })
  expect(run.models.MSOLUser?.requests).toBeLessThan(30)
})
