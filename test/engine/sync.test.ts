import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Engine } from '../../src/engine/engine.ts'
import { advanceSync, finishRun } from '../../src/engine/sync/advanceSync.ts'
import { claimRun, type Run } from '../../src/engine/sync/queries.ts'
import { inScope } from '../../src/store/scope.ts'
import { disagreements, lastWrite, outcome } from './observed.ts'
import { withWires } from './wires.ts'
import { startWorld, type World } from './world.ts'

let world: World

async function sync(fullList = false) {
  const id = await world.newRun(fullList)
  await advanceSync(world.engine, world.job(id))
  return { id, ...(await outcome(world, id)) }
}

beforeAll(async () => {
  world = await startWorld({ users: 260, seed: 7 })
  world.settings.pageSize = 50
})
afterEach(async () => {
  await world.control.clearFaults()
  expect(await world.control.violations()).toEqual([])
})
afterAll(() => world.close())

describe('a tenant that changes', () => {
  it('is read once even when the first list brings people twice', async () => {
    const fresh = await startWorld({ users: 60, seed: 9 })
    fresh.settings.pageSize = 20
    // The second page is asked for again as the third: its people come twice.
    const engine = { ...fresh.engine, openWires: repeating(fresh) }
    const id = await fresh.newRun()
    await advanceSync(engine, fresh.job(id))
    const run = await outcome(fresh, id)
    expect(run.models.MSOLUser).toMatchObject({ phase: 'done', added: 60, unchanged: 20 })
    expect(await disagreements(fresh)).toEqual([])
    await fresh.close()
  })

  it('is read in whole by the first sync', async () => {
    const { state, models } = await sync()
    expect(state).toBe('succeeded')
    expect(models.MSOLUser).toMatchObject({ phase: 'done', added: 260, rejected: 0 })
    expect(models.Groups?.added).toBe(world.access.groups)
    expect(await disagreements(world)).toEqual([])
  })

  it('costs one request per model with a delta and no written row when nothing changed', async () => {
    const before = await Promise.all([lastWrite(world, 'resource'), lastWrite(world, 'link')])
    const { state, models } = await sync()
    expect(state).toBe('succeeded')
    expect(models.MSOLUser?.requests).toBe(1)
    expect(models.Groups?.requests).toBe(1)
    const after = await Promise.all([lastWrite(world, 'resource'), lastWrite(world, 'link')])
    expect(after).toEqual(before)
  })

  it('keeps no list of what a run saw once it has ended', async () => {
    const pages = await inScope(world.db, world.scope, async (tx) =>
      sql`select from sync_page`.execute(tx),
    )
    expect(pages.rows).toEqual([])
  })

  it('costs no written row in a full list either', async () => {
    const before = await Promise.all([lastWrite(world, 'resource'), lastWrite(world, 'link')])
    const { models } = await sync(true)
    expect(models.MSOLUser).toMatchObject({ unchanged: 260, updated: 0, added: 0, removed: 0 })
    const after = await Promise.all([lastWrite(world, 'resource'), lastWrite(world, 'link')])
    expect(after).toEqual(before)
  })

  it('is followed by delta: people, their managers, members of groups', async () => {
    await world.control.mutate('departments', { users: 5 })
    await world.control.mutate('create-users', { users: 3 })
    await world.control.mutate('group-members', { groups: 4, add: 2, remove: 1 })
    const { users } = await world.control.snapshot()
    await world.control.mutate('manager', { id: users[3]?.id, managerId: users[9]?.id })
    const { state, models } = await sync()
    expect(state).toBe('succeeded')
    // Five departments and one manager; what changed of a group are its members alone.
    expect(models.MSOLUser).toMatchObject({ added: 3, updated: 6 })
    expect(models.Groups).toMatchObject({ added: 0, updated: 4 })
    expect(await disagreements(world)).toEqual([])
    const history = await inScope(world.db, world.scope, async (tx) => {
      const { rows } = await sql<{ property: string }>`
        select jsonb_array_elements(patch) ->> 'property' as property from resource_change`.execute(
        tx,
      )
      return rows.map((row) => row.property)
    })
    expect(history).toEqual(Array(5).fill('department'))
  })

  it('loses what is deleted there, and gets back what is restored', async () => {
    await world.control.mutate('delete-users', { users: 4 })
    expect((await sync()).models.MSOLUser).toMatchObject({ removed: 4 })
    expect(await disagreements(world)).toEqual([])
    await world.control.mutate('restore')
    expect((await sync()).models.MSOLUser).toMatchObject({ removed: 0 })
    expect(await disagreements(world)).toEqual([])
  })

  it('is listed in full when its delta token is no longer known', async () => {
    await world.control.mutate('delete-users', { users: 2, seed: 3 })
    await world.control.fault('expired-delta-token', { path: 'users/delta', count: 1 })
    const { state, models } = await sync()
    expect(state).toBe('succeeded')
    expect(models.MSOLUser).toMatchObject({ phase: 'done', removed: 2 })
    expect(await disagreements(world)).toEqual([])
  })
})

describe('removals in bulk', () => {
  it('wait for a person, and are checked again when approved', async () => {
    const gone = await world.control.mutate('delete-users', { users: 20, seed: 5 })
    const run = await sync()
    expect(run.state).toBe('awaiting-approval')
    expect(run.models.MSOLUser).toMatchObject({ phase: 'held', removed: 0 })
    expect(await disagreements(world)).not.toEqual([])
    // One of them comes back before the approval.
    await world.control.mutate('restore', { ids: gone.slice(0, 1) })
    await decide(run.id, 'approved')
    expect((await outcome(world, run.id)).models.MSOLUser).toMatchObject({
      phase: 'done',
      removed: 19,
    })
    await sync()
    expect(await disagreements(world)).toEqual([])
    await world.control.mutate('restore')
    await sync()
  })

  // Fails when only what is held in the same attempt counts as held.
  it('stay held where the attempt that held them was cut off right behind that', async () => {
    await sync()
    await world.control.mutate('delete-users', { users: 12, seed: 8 })
    const { id } = await sync()
    await inScope(world.db, world.scope, async (tx) => {
      await sql`update run set state = 'running' where id = ${id}`.execute(tx)
      await sql`update run_model set phase = 'removals' where run_id = ${id} and phase = 'held'`.execute(
        tx,
      )
    })
    await advanceSync(world.engine, world.job(id))
    const run = await outcome(world, id)
    expect(run).toMatchObject({ state: 'awaiting-approval', models: { MSOLUser: { removed: 0 } } })
    await decide(id, 'refused')
    await world.control.mutate('restore')
    await sync(true)
    expect(await disagreements(world)).toEqual([])
  })

  it('refused ones stay', async () => {
    await world.control.mutate('delete-users', { users: 12, seed: 6 })
    const run = await sync()
    await decide(run.id, 'refused')
    const after = await outcome(world, run.id)
    expect(after.state).toBe('succeeded')
    expect(after.models.MSOLUser).toMatchObject({ phase: 'done', removed: 0 })
    await world.control.mutate('restore')
    await sync(true)
    expect(await disagreements(world)).toEqual([])
  })

  it.each(['empty-list', 'half-missing'])('are not believed of a list with %s', async (fault) => {
    await world.control.fault(fault, { path: '/v1.0/users\\?.*expand' })
    const run = await sync(true)
    expect(run.state).toBe('awaiting-approval')
    expect(run.models.MSOLUser).toMatchObject({ phase: 'held', removed: 0 })
    await decide(run.id, 'approved')
    expect((await outcome(world, run.id)).models.MSOLUser).toMatchObject({ removed: 0 })
    await world.control.clearFaults()
    expect(await disagreements(world)).toEqual([])
  })

  it('one missing from a list is read by its key before it is believed gone', async () => {
    const { users } = await world.control.snapshot()
    await world.control.fault('bad-object', {
      path: '/v1.0/users\\?.*expand',
      count: 1,
      value: { id: null },
    })
    const run = await sync(true)
    expect(run.models.MSOLUser).toMatchObject({ removed: 0, rejected: 1 })
    expect(await disagreements(world)).toEqual([])
    expect(users.length).toBeGreaterThan(200)
  })
})

describe('trouble on the way', () => {
  it('puts aside an object that breaks its schema and goes on', async () => {
    await world.control.fault('bad-object', { path: '/v1.0/users\\?.*expand', count: 1 })
    const run = await sync(true)
    expect(run.state).toBe('succeeded-with-errors')
    expect(run.models.MSOLUser).toMatchObject({ rejected: 1, removed: 0, phase: 'done' })
    const reasons = await inScope(world.db, world.scope, async (tx) => {
      const { rows } = await sql<{ key: string; reason: string }>`
        select key, reason from sync_rejected where run_id = ${run.id}`.execute(tx)
      return rows
    })
    expect(reasons).toEqual([
      { key: expect.any(String), reason: expect.stringContaining('displayName') },
    ])
    expect(await disagreements(world)).toEqual([])
  })

  it.each([
    ['foreign-next-link', { value: 'https://127.0.0.1:1/v1.0/users?$skiptoken=x' }],
    ['repeat-next-link', {}],
    ['html-200', {}],
    ['cut-body', {}],
    ['forbidden', {}],
  ])('%s fails the one model, removes nothing and lets the others finish', async (name, more) => {
    await world.control.fault(name, { path: '/v1.0/users\\?', ...more })
    const run = await sync(true)
    expect(run.state).toBe('succeeded-with-errors')
    expect(run.models.MSOLUser).toMatchObject({ phase: 'failed', removed: 0 })
    expect(run.models.MSOLUser?.error?.message).toEqual(expect.any(String))
    expect(run.models.Groups).toMatchObject({ phase: 'done' })
    expect(run.models.MsolAccountSku).toMatchObject({ phase: 'done' })
    await world.control.clearFaults()
    expect(await disagreements(world)).toEqual([])
  })

  it('items doubled and out of order change nothing', async () => {
    await world.control.fault('duplicate-items')
    await world.control.fault('reorder-items')
    const run = await sync(true)
    expect(run.state).toBe('succeeded')
    expect(run.models.MSOLUser).toMatchObject({ added: 0, updated: 0, removed: 0 })
    expect(await disagreements(world)).toEqual([])
  })
})

describe('work that changes hands', () => {
  it('goes on at the page where it was cut off', async () => {
    const id = await world.newRun(true)
    const stop = new AbortController()
    await cutAfterPages(id, 3, stop)
    await world.control.clearCalls()
    await advanceSync(world.engine, world.job(id))
    const run = await outcome(world, id)
    expect(run.state).toBe('succeeded')
    expect(run.models.MSOLUser).toMatchObject({ unchanged: 260 + 3, phase: 'done' })
    const lists = (await world.control.calls()).filter((call) => /\/v1.0\/users\?/.test(call.path))
    expect(lists.length).toBeLessThan(6)
    expect(lists.every((call) => call.path.includes('skiptoken'))).toBe(true)
    expect(await disagreements(world)).toEqual([])
  })

  it('refuses the one who was taken over at its next write', async () => {
    const id = await world.newRun(true)
    const engine = slowly(world.engine)
    const late = advanceSync(engine, world.job(id))
    const refusal = expect(late).rejects.toMatchObject({ code: 'fenced' })
    await waitForPage(id)
    await advanceSync(world.engine, world.job(id))
    await refusal
    expect((await outcome(world, id)).state).toBe('succeeded')
    expect(await disagreements(world)).toEqual([])
  })

  it('lets nobody who was taken over say how it ended', async () => {
    const id = await world.newRun(true)
    const late = (await inScope(world.db, world.scope, (tx) => claimRun(tx, id))) as Run
    await inScope(world.db, world.scope, (tx) => claimRun(tx, id))
    await expect(finishRun(world.engine, late, 'failed', null)).rejects.toMatchObject({
      code: 'fenced',
    })
    expect(await saidOf(id)).toEqual({ audit: 0, events: 0 })
    await advanceSync(world.engine, world.job(id))
    expect((await outcome(world, id)).state).toBe('succeeded')
  })

  it('ends at once when cancelled, keeping what was read', async () => {
    const id = await world.newRun(true)
    const engine = slowly(world.engine)
    const running = advanceSync(engine, world.job(id))
    await waitForPage(id)
    await inScope(world.db, world.scope, (tx) =>
      sql`update run set cancel_asked = true where id = ${id}`.execute(tx),
    )
    await running
    expect((await outcome(world, id)).state).toBe('cancelled')
    expect(await disagreements(world)).toEqual([])
  })

  it('last, as its lane stays paused: comes back behind a pause that is too long to wait for', async () => {
    await world.control.fault('throttle', { path: '/v1.0/users\\?', retryAfter: '600', count: 1 })
    const id = await world.newRun(true)
    const pause = await advanceSync(world.engine, world.job(id))
    expect(pause).toEqual({
      waitMs: expect.toSatisfy((ms: number) => ms > 500_000 && ms <= 900_000),
    })
    expect((await outcome(world, id)).state).toBe('running')
  })
})

async function decide(run: number, decision: 'approved' | 'refused'): Promise<void> {
  await inScope(world.db, world.scope, async (tx) => {
    await sql`update removal set state = ${decision} where run_id = ${run} and state = 'held'`.execute(
      tx,
    )
    await sql`update run set state = 'queued' where id = ${run}`.execute(tx)
  })
  await advanceSync(world.engine, world.job(run))
}

/** How often it was put on record, and told, that the run ended. */
async function saidOf(id: number) {
  return inScope(world.db, world.scope, async (tx) => {
    const { rows } = await sql<{ audit: number; events: number }>`
      select (select count(*) from audit where subject = ${`sync:${id}`}
          and action = 'sync.ended') as audit,
        (select count(*) from event where subject = ${`sync:${id}`}
          and kind = 'sync.ended') as events`.execute(tx)
    return rows[0]
  })
}

async function pagesStored(id: number): Promise<number> {
  return inScope(world.db, world.scope, async (tx) => {
    const { rows } = await sql<{ pages: number }>`
      select coalesce(max(page_seq), 0) as pages from run_model
      where run_id = ${id} and phase = 'list'`.execute(tx)
    return rows[0]?.pages ?? 0
  })
}

async function waitForPage(id: number, pages = 1): Promise<void> {
  while ((await pagesStored(id)) < pages) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Each page takes a while, so that others can come between. */
const slowly = (engine: Engine) =>
  withWires(engine, (wire) => ({
    list: async (...call) => {
      await new Promise((resolve) => setTimeout(resolve, 60))
      return wire.list(...call)
    },
  }))

async function cutAfterPages(id: number, pages: number, stop: AbortController): Promise<void> {
  const engine = slowly(world.engine)
  const users = { id, scope: world.scope, signal: stop.signal }
  const end = expect(advanceSync(engine, users)).rejects.toBeDefined()
  await waitForPage(id, pages)
  stop.abort()
  await end
}

/** The list of people with its second page coming once more behind it. */
function repeating(of: World): typeof of.engine.openWires {
  return async (...asked) => {
    const wires = await of.engine.openWires(...asked)
    return {
      ...wires,
      wire: (name) => {
        const wire = wires.wire(name)
        let again: string | undefined
        let pages = 0
        return {
          ...wire,
          list: async (model, cursor, signal) => {
            const isUsers = model.noun === 'user'
            if (isUsers && ++pages === 2) again = cursor
            const page = await wire.list(model, isUsers && pages === 3 ? again : cursor, signal)
            // The third answer is the second page; the real third follows under another cursor.
            if (isUsers && pages === 2) return { ...page, next: `${page.next} ` }
            return page
          },
        }
      },
    }
  }
}
