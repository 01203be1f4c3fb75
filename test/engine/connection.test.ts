import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { inScope } from '../../src/store/scope.ts'
import { outcome } from './observed.ts'
import { startWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ users: 20, seed: 3 })
})
afterAll(() => world.close())

async function sync() {
  const id = await world.newRun()
  await advanceSync(world.engine, world.job(id))
  return outcome(world, id)
}

async function connection(of: World = world) {
  return inScope(of.db, of.scope, async (tx) => {
    const { rows } = await sql<{ state: string; message: string }>`
      select state, message from connection where tenant_id = ${of.tenantId}`.execute(tx)
    const told = await sql<{ state: string }>`
      select data ->> 'state' as state from event where kind = 'connection.changed'
      order by id`.execute(tx)
    return { ...rows[0], told: told.rows.map((row) => row.state) }
  })
}

it('is healthy once something was read, and says so once', async () => {
  expect((await sync()).state).toBe('succeeded')
  await sync()
  expect(await connection()).toMatchObject({ state: 'healthy', told: ['healthy'] })
})

it('stays healthy where a permission lacks from the beginning; the model says which', async () => {
  const roles = ['User.Read.All', 'GroupMember.Read.All', 'LicenseAssignment.Read.All']
  const limited = await startWorld({ users: 5, seed: 4, roles })
  try {
    const id = await limited.newRun()
    await advanceSync(limited.engine, limited.job(id))
    const run = await outcome(limited, id)
    expect(run.state).toBe('succeeded-with-errors')
    expect(run.models.Room).toMatchObject({
      phase: 'failed',
      error: { code: 'consent-missing', message: expect.stringContaining('Place.Read.All') },
    })
    const told = await connection(limited)
    expect(told).toMatchObject({ state: 'healthy', told: ['healthy'] })
  } finally {
    await limited.close()
  }
})

it('names the permission when nothing at all may be read', async () => {
  const limited = await startWorld({ users: 5, seed: 4, roles: [] })
  try {
    const id = await limited.newRun()
    await advanceSync(limited.engine, limited.job(id))
    expect((await outcome(limited, id)).state).toBe('failed')
    expect(await connection(limited)).toMatchObject({
      ...{ state: 'consent-missing', told: ['consent-missing'] },
    })
  } finally {
    await limited.close()
  }
})

it('names cause and remedy when the secret has ended, and tries it no more for a while', async () => {
  await world.control.fault('sign-in-refused', { value: 7000222, status: 401 })
  await world.control.fault('token-refused')
  await world.control.clearCalls()
  const run = await sync()
  expect(run.state).toBe('failed')
  await sync()
  const signIns = (await world.control.calls('&service=login')).length
  expect(signIns).toBe(1)
  const found = await connection()
  expect(found).toMatchObject({
    state: 'credentials-rejected',
    told: ['healthy', 'credentials-rejected'],
  })
  expect(found.message).toMatch(/AADSTS7000222/)
  expect(found.message).toMatch(/new/i)
})
