import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { inScope } from '../../src/store/scope.ts'
import { startWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ users: 150, seed: 7 })
})
afterAll(() => world.close())

describe('the first sync', () => {
  it('brings users in', async () => {
    const users = world.models; for (const m of world.models as any[]) m.delta = undefined
    const id = await world.newRun(false, users)
    await advanceSync(world.engine, world.job(id))
    const rows = await inScope(world.db, world.scope, async (tx) => {
      return (await sql`select * from run_model`.execute(tx)).rows
    })
    console.log(rows)
    const count = await inScope(world.db, world.scope, async (tx) => {
      return (await sql`select count(*) as n, min(name) as name from resource`.execute(tx)).rows
    })
    console.log(count, (await inScope(world.db, world.scope, async (tx) => (await sql`select kind, count(*) from link group by 1`.execute(tx)).rows)))
    expect(rows).toHaveLength(1)
  })
})
