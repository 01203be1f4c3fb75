import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { inScope } from '../../src/store/scope.ts'
import { disagreements, outcome } from './observed.ts'
import { startWorld, type World } from './world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld({ users: 60, seed: 7 })
})
afterAll(() => world.close())

async function sync(fullList = false) {
  const id = await world.newRun(fullList)
  await advanceSync(world.engine, world.job(id))
  return outcome(world, id)
}

/** What syncs of every model leave undone from here on. */
async function disable(...operations: string[]) {
  await inScope(world.db, world.scope, async (tx) => {
    await sql`delete from sync_rule`.execute(tx)
    await sql`insert into sync_rule (tenant_id, model_id, node_path, disabled)
      select ${world.tenantId}, id, ${world.scope}, ${operations}::text[] from model`.execute(tx)
  })
}

const kinds = (found: readonly string[]) => [
  ...new Set(found.map((line) => line.replace(/: .* (is|differs)/, ' $1'))),
]

describe('what a rule leaves undone in our copy', () => {
  it('is nothing without one', async () => {
    expect((await sync()).models.MSOLUser).toMatchObject({ added: 60 })
    expect(await disagreements(world)).toEqual([])
  })

  it('add: people who came are left out, in a delta and in a full list', async () => {
    await disable('add')
    await world.control.mutate('create-users', { users: 3 })
    expect((await sync()).models.MSOLUser).toMatchObject({ added: 0, updated: 0, rejected: 0 })
    const { models } = await sync(true)
    expect(models.MSOLUser).toMatchObject({ added: 0, unchanged: 63, removed: 0 })
    expect(kinds(await disagreements(world))).toContain('users is missing')
    await disable()
    expect((await sync(true)).models.MSOLUser).toMatchObject({ added: 3 })
    expect(await disagreements(world)).toEqual([])
  })

  it('update: values and members stay as they were', async () => {
    await disable('update')
    await world.control.mutate('departments', { users: 4 })
    await world.control.mutate('group-members', { groups: 2, add: 2, remove: 1 })
    const { models } = await sync()
    expect(models.MSOLUser).toMatchObject({ updated: 0 })
    expect(models.Groups).toMatchObject({ updated: 0 })
    const found = await disagreements(world)
    expect(found.filter((line) => /^users: .* differs$/.test(line))).toHaveLength(4)
    expect(found.some((line) => line.startsWith('link: '))).toBe(true)
    await disable()
    expect((await sync(true)).models.MSOLUser).toMatchObject({ updated: 4 })
    expect(await disagreements(world)).toEqual([])
  })

  it('remove: who went stays, whether reported or absent', async () => {
    await disable('remove')
    await world.control.mutate('delete-users', { users: 3 })
    expect((await sync()).models.MSOLUser).toMatchObject({ removed: 0 })
    expect((await sync(true)).models.MSOLUser).toMatchObject({ removed: 0 })
    const found = await disagreements(world)
    expect(found.filter((line) => /^users: .* is too many$/.test(line))).toHaveLength(3)
    await disable()
    expect((await sync(true)).models.MSOLUser).toMatchObject({ removed: 3 })
  })

  it('add: who was gone and came back stays gone', async () => {
    const [key] = await inScope(world.db, world.scope, async (tx) => {
      const { rows } = await sql<{ key: string }>`
        update resource set removed_at = now() where model_id = (select id from model
          where name = 'device/msgraph/MSOLUser') and key = (select key from resource
          where removed_at is null and model_id = (select id from model
          where name = 'device/msgraph/MSOLUser') limit 1) returning key`.execute(tx)
      return rows.map((row) => row.key)
    })
    await disable('add')
    expect((await sync(true)).models.MSOLUser).toMatchObject({ added: 0, updated: 0 })
    await disable('update')
    expect((await sync(true)).models.MSOLUser).toMatchObject({ added: 0, updated: 1 })
    expect(key).toBeDefined()
  })
})
