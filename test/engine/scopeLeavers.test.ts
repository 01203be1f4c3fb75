import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { saveScope } from '../../src/features/scopes/queries.ts'
import { inScope } from '../../src/store/scope.ts'
import { decide, removals } from '../chaos/support.ts'
import { outcome } from './observed.ts'
import { startWorld, type World } from './world.ts'

/** More than are asked for one by one. */
const missingMany = 1_001
const threshold = 10
const model = 'device/msgraph/MSOLUser'
let world: World

beforeAll(async () => {
  world = await startWorld({ users: missingMany + 400, seed: 21 })
  const place = { tenantId: world.tenantId, nodePath: world.scope }
  // Nearly everybody; who becomes a guest leaves it.
  const filter = { op: 'eq', property: 'userType', value: 'Member' } as const
  await inScope(world.db, world.scope, (tx) => saveScope(tx, place, model, filter))
  expect(await sync()).toMatchObject({ state: 'succeeded' })
  expect(await stored()).toEqual(await inside())
})
afterAll(() => world.close())

async function sync() {
  const models = world.models.filter(({ id }) => id === model)
  const id = await world.newRun(false, models)
  await world.control.clearCalls()
  await advanceSync(world.engine, world.job(id))
  const { state, models: counts } = await outcome(world, id)
  return { id, state, ...counts.MSOLUser }
}

async function stored(): Promise<string[]> {
  return inScope(world.db, world.scope, async (tx) => {
    const { rows } = await sql<{ key: string }>`
      select key from resource where removed_at is null order by key`.execute(tx)
    return rows.map(({ key }) => key)
  })
}

async function inside(): Promise<string[]> {
  const { users } = await world.control.snapshot()
  const ours = users.filter(({ userType }) => userType === 'Member')
  return ours.map(({ id }) => String(id)).sort()
}

/** Moves and deletes so many behind our back, and has Microsoft forget what we know of changes. */
async function loseWith({ moved, deleted }: { moved: number; deleted: number }) {
  const all = await inside()
  const leaving = all.slice(0, moved)
  const gone = all.slice(moved, moved + deleted)
  for (const id of leaving) {
    await world.control.mutate('update', { id, values: { userType: 'Guest' } })
  }
  await world.control.mutate('delete-users', { ids: gone })
  await world.control.fault('expired-delta-token', { path: 'users/delta', count: 1 })
  return { leaving, gone }
}

async function keysOnRecord(action: string, run: number): Promise<string[]> {
  return inScope(world.db, world.scope, async (tx) => {
    const { rows } = await sql<{ keys: string[] }>`
      select detail->'keys' as keys from audit
      where action = ${action} and subject = ${`sync:${run}`}`.execute(tx)
    return rows.flatMap(({ keys }) => keys).sort()
  })
}

const readByKey = async () =>
  (await world.control.calls()).filter(({ path }) => /\/users\/[0-9a-f-]{36}\?/.test(path))

// Fails when who is missing counts before being asked for.
it('needs no yes for the many who left it while the place of the delta was lost', async () => {
  const { leaving, gone } = await loseWith({ moved: 120, deleted: threshold })
  const run = await sync()
  expect(run).toMatchObject({ state: 'succeeded', phase: 'done', removed: threshold })
  expect(await stored()).toEqual(await inside())
  expect(await keysOnRecord('resource.left-scope', run.id)).toEqual(leaving)
  expect(await keysOnRecord('resource.removed', run.id)).toEqual(gone)
  // Whom the first look does not find is looked for once more, being about to be removed.
  expect((await readByKey()).length).toBeLessThanOrEqual(120 + 6 * threshold)
})

// Fails when those who are really gone are let go as well, or when all that is missing is held.
it('holds none but those really gone where they are more than the threshold', async () => {
  const { leaving, gone } = await loseWith({ moved: 15, deleted: threshold + 1 })
  const run = await sync()
  expect(run).toMatchObject({ state: 'awaiting-approval', phase: 'held', removed: 0 })
  expect(await removals(world, run.id)).toEqual({ disproved: leaving, held: gone })
  expect(await keysOnRecord('resource.left-scope', run.id)).toEqual(leaving)
  await decide(world, run.id, 'refused')
  await world.control.mutate('restore')
  await sync()
  expect(await stored()).toEqual(await inside())
})

// Fails when however many are asked for one by one.
it('holds them all, unasked, where more are missing than are read one by one', async () => {
  const everybody = await inside()
  const moved = 2
  const { leaving, gone } = await loseWith({ moved, deleted: missingMany - moved })
  const run = await sync()
  expect(run).toMatchObject({ state: 'awaiting-approval', phase: 'held', removed: 0 })
  expect((await removals(world, run.id)).held).toHaveLength(missingMany)
  expect(await readByKey()).toEqual([])
  expect(await stored()).toEqual(everybody)
  // A yes is to those really gone: each is asked for then, and who moved leaves as at any time.
  await decide(world, run.id, 'approved')
  expect((await outcome(world, run.id)).models.MSOLUser).toMatchObject({
    ...{ phase: 'done', removed: gone.length },
  })
  expect(await keysOnRecord('resource.left-scope', run.id)).toEqual(leaving)
  expect(await stored()).toEqual(await inside())
})
