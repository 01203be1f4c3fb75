import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { Filter } from '../../src/core/filter.ts'
import { limits } from '../../src/core/limits.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { disagreements, outcome } from './observed.ts'
import { withWires } from './wires.ts'
import { startWorld, type World } from './world.ts'

const people = 600
/** Being stored, and between being asked for and being stored. */
const pagesMost = limits.pageStoresInFlight + limits.pagesAheadMax

let world: World
let admin: pg.Client

beforeAll(async () => {
  world = await startWorld({ users: people, seed: 21 })
  world.settings.pageSize = 10
  admin = new pg.Client({ connectionString: world.databaseUrl.reveal() })
  await admin.connect()
})
afterAll(async () => {
  await admin.end()
  await world.close()
})

/**
 * The list of people by the first letter of their sign-in: more shards than are read at once, where
 * the real ones would take 32,000 people.
 */
async function byLetter(): Promise<Engine> {
  const { users } = await world.control.snapshot()
  const letters = new Set(users.map((user) => String(user.userPrincipalName).charAt(0)))
  expect(letters.size).toBeGreaterThan(limits.shardsInFlight)
  const filterOf = (value: string): Filter => ({
    ...{ op: 'startsWith', property: 'userPrincipalName', value },
  })
  return withWires(world.engine, (wire) => ({
    shards: async () => [...letters],
    list: (model, cursor = '', signal) =>
      letters.has(cursor)
        ? wire.list(model, undefined, signal, filterOf(cursor))
        : wire.list(model, cursor, signal),
  }))
}

const pagesAsked = async () =>
  (await world.control.calls()).filter(({ path }) => /\/users\?.*expand/.test(path)).length

async function storesWaiting(): Promise<number> {
  const { rows } = await admin.query(
    `select from pg_stat_activity where datname = current_database()
      and wait_event_type = 'Lock' and query like '%insert into resource %'`,
  )
  return rows.length
}

// Fails when a page is asked for whatever lies between, or when any number is stored at once.
it('asks for no more pages than the bound while none can be stored, and then goes on', async () => {
  const engine = await byLetter()
  const models = world.models.filter(({ id }) => id.endsWith('/MSOLUser'))
  const id = await world.newRun(true, models)
  await world.control.clearCalls()
  await admin.query('begin; lock table patchbay.resource in share mode')
  const running = advanceSync(engine, world.job(id))
  try {
    await vi.waitFor(async () => expect(await pagesAsked()).toBeGreaterThanOrEqual(pagesMost), {
      ...{ timeout: 10_000, interval: 20 },
    })
    // One more would take some milliseconds.
    await wait(500)
    expect(await pagesAsked()).toBe(pagesMost)
    expect(await storesWaiting()).toBe(limits.pageStoresInFlight)
  } finally {
    await admin.query('rollback')
    await running
  }
  expect((await outcome(world, id)).models.MSOLUser).toMatchObject({ phase: 'done', added: people })
  const wrong = (await disagreements(world)).filter((line) => /^(users|link: manager)/.test(line))
  expect(wrong).toEqual([])
})
