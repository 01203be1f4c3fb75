import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Filter } from '../../src/core/filter.ts'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { saveScope } from '../../src/features/scopes/queries.ts'
import { inScope } from '../../src/store/scope.ts'
import { outcome } from './observed.ts'
import { startWorld, type World } from './world.ts'

let world: World
let department: string
const people = 300

beforeAll(async () => {
  world = await startWorld({ users: people, seed: 21 })
  const { users } = await world.control.snapshot()
  department = String(users.find((user) => user.department !== null)?.department)
})
afterAll(() => world.close())

async function sync(fullList = false) {
  const models = await world.engine.models.current()
  const users = models.filter((model) => model.id.endsWith('MSOLUser'))
  const id = await world.newRun(fullList, users)
  await world.control.clearCalls()
  await advanceSync(world.engine, world.job(id))
  const { state, models: counts } = await outcome(world, id)
  return { state, ...counts.MSOLUser }
}

async function setScope(filter: Filter | null): Promise<void> {
  const place = { tenantId: world.tenantId, nodePath: world.scope }
  await inScope(world.db, world.scope, (tx) =>
    saveScope(tx, place, 'device/msgraph/MSOLUser', filter),
  )
}

async function stored(): Promise<string[]> {
  return inScope(world.db, world.scope, async (tx) => {
    const { rows } = await sql<{ key: string }>`
      select key from resource where removed_at is null order by key`.execute(tx)
    return rows.map(({ key }) => key)
  })
}

/** Who left, as the audit says: an entry a page. */
async function leftOnRecord(): Promise<string[][]> {
  return inScope(world.db, world.scope, async (tx) => {
    const { rows } = await sql<{ keys: string[] }>`
      select detail->'keys' as keys from audit where action = 'resource.left-scope'`.execute(tx)
    return rows.map(({ keys }) => keys)
  })
}

async function inside(): Promise<string[]> {
  const { users } = await world.control.snapshot()
  const ours = users.filter((user) => user.department === department)
  return ours.map(({ id }) => String(id)).sort()
}

const listFilters = async () =>
  (await world.control.calls())
    .map(({ path }) => decodeURIComponent(path))
    .filter((path) => path.includes('/users?') && path.includes('$filter'))

it('reads what the scope takes in, asking Graph for no more', async () => {
  await setScope({ op: 'eq', property: 'department', value: department })
  const run = await sync()
  expect(run).toMatchObject({ state: 'succeeded', added: (await inside()).length })
  expect(await stored()).toEqual(await inside())
  expect(await listFilters()).not.toEqual([])
})

// Fails when a delta's objects are stored without being looked at.
it('lets go who leaves it, as no removal, and takes back who returns', async () => {
  const [somebody = ''] = await inside()
  await world.control.mutate('update', { id: somebody, values: { department: 'Elsewhere' } })
  expect(await sync()).toMatchObject({ updated: 1, removed: 0 })
  expect(await stored()).not.toContain(somebody)
  expect(await leftOnRecord()).toEqual([[somebody]])
  await world.control.mutate('update', { id: somebody, values: { department } })
  expect(await sync()).toMatchObject({ updated: 1, added: 0 })
  expect(await stored()).toEqual(await inside())
})

// Fails when whom a narrowed list does not show counts as absent: the run then waits for a yes.
it('needs no yes for the many that a narrower scope leaves out', async () => {
  await setScope(null)
  expect(await sync()).toMatchObject({ state: 'succeeded' })
  expect(await stored()).toHaveLength(people)
  await setScope({ op: 'eq', property: 'department', value: department })
  expect(await sync()).toMatchObject({ state: 'succeeded', removed: 0 })
  expect(await stored()).toEqual(await inside())
})

it('lets go who left it when the whole list is read', async () => {
  const [somebody = ''] = await inside()
  await world.control.mutate('update', { id: somebody, values: { department: 'Elsewhere' } })
  expect(await sync(true)).toMatchObject({ state: 'succeeded', removed: 0 })
  expect(await stored()).toEqual(await inside())
})

// Fails when what is there by a direct read stays, whatever it has become.
it('lets go who left it unseen by a delta, whose place was forgotten', async () => {
  await setScope({ op: 'eq', property: 'department', value: department })
  await sync()
  const [somebody = ''] = await inside()
  await world.control.mutate('update', { id: somebody, values: { department: 'Elsewhere' } })
  await world.control.fault('expired-delta-token', { path: 'users/delta', count: 1 })
  expect(await sync()).toMatchObject({ state: 'succeeded', updated: 0, removed: 0 })
  expect(await stored()).toEqual(await inside())
  expect((await leftOnRecord()).at(-1)).toEqual([somebody])
})

it('judges in memory what Graph cannot filter plainly', async () => {
  await setScope({
    op: 'not',
    of: { op: 'eq', property: 'department', value: department },
  })
  expect(await sync()).toMatchObject({ state: 'succeeded', removed: 0 })
  expect(await stored()).toHaveLength(people - (await inside()).length)
  expect(await listFilters()).toEqual([])
})
