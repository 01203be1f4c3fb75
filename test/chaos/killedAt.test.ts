import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { differences } from '../journeys/truth.ts'
import { ended, firstPeople, pagesTold, startMove, startSync } from '../journeys/work.ts'
import { openWorld, type Served, until, users, type World } from '../journeys/world.ts'

/** Takes over, ends what is left, on a machine that is busy with other tests as well. */
const takenOverMs = 40_000
const people = 100
const moved = 12
const pageSize = 20

let world: World
let tenantId: number
/** The only one, until it is killed. */
let worker: Served
/** The superuser, who stops whoever gets to the point, and lets go when they are dead. */
let admin: pg.Client

beforeAll(async () => {
  // Who is killed counts as dead sooner: six seconds at each of the points are a minute.
  world = await openWorld(people, { heartbeatMs: 400, heartbeatDeadMs: 2_400 })
  await world.serve('api')
  tenantId = await world.attach('Contoso', { userPageSize: pageSize })
  worker = await world.serve('worker')
  await ended(world, 'sync', await startSync(world, tenantId), takenOverMs)
  admin = await world.connect()
  await admin.query(`create table public.stop_at (passed int not null, skip int not null);
    create function public.stop_there() returns trigger language plpgsql security definer as $$
      declare stop public.stop_at;
      begin
        update public.stop_at set passed = passed + 1 returning * into stop;
        if stop.passed = stop.skip + 1 then perform pg_advisory_xact_lock(4711); end if;
        return null;
      end $$`)
})
afterAll(async () => {
  await admin.end()
  await world.close({ cut: true })
})

interface Point {
  /** What a worker writes there, and how many of it are let through first. */
  on: string
  skip: number
  /** Only what is about people, where a table holds every model. */
  people?: true
}

/** Each place at which a worker puts on record how far it is. */
const points: readonly [string, 'sync' | 'transaction', Point][] = [
  ['a job is claimed: its worker', 'sync', onUpdate('dbos.workflow_status', 'executor_id')],
  ['a job is claimed: its row', 'sync', onUpdate('run', 'epoch')],
  ['the shards of a list begin', 'sync', pageNumber(0)],
  ['the first page', 'sync', pageNumber(1)],
  ['a page in the middle', 'sync', pageNumber(3)],
  ['a list is through', 'sync', { ...onUpdate('run_model', 'phase', 1), people: true }],
  ['a sync ends', 'sync', onUpdate('run', 'ended_at')],
  ['a transaction is claimed', 'transaction', onUpdate('transaction', 'epoch')],
  ['the first step is being done', 'transaction', onUpdate('transaction_step', 'state')],
  ['a step is done', 'transaction', onUpdate('transaction_step', 'state', moved)],
  ['a transaction ends', 'transaction', onUpdate('transaction', 'ended_at')],
]

function onUpdate(table: string, column: string, skip = 0): Point {
  return { on: `update of ${column} on ${table}`, skip }
}

/** Number 0 is where the shard begins. */
function pageNumber(nth: number): Point {
  return { on: 'insert on sync_page', skip: nth, people: true }
}

/** Holds the commit open at the point, kills the worker there, and lets go of its connection. */
async function killAt({ on, skip, people }: Point, begin: () => Promise<number>): Promise<number> {
  const [, table = ''] = / on (.+)$/.exec(on) ?? []
  const place = table.includes('.') ? table : `patchbay.${table}`
  const { rows } = await admin.query('select id from patchbay.model where name = $1', [users])
  const when = people ? `when (new.model_id = ${Number(rows[0].id)})` : ''
  await admin.query(`truncate public.stop_at; insert into public.stop_at values (0, ${skip});
    select pg_advisory_lock(4711);
    create trigger stop_there after ${on.replace(table, place)}
      for each row ${when} execute function public.stop_there()`)
  try {
    const id = await begin()
    await until(`somebody stands where ${on}`, 30_000, async () => {
      const { rows } = await admin.query(
        `select from pg_locks where locktype = 'advisory' and objid = 4711 and not granted`,
      )
      return rows.length > 0
    })
    expect((await worker.end('SIGKILL')).code).toBeNull()
    return id
  } finally {
    await admin.query('select pg_advisory_unlock(4711)')
    await until('the dead let go', 20_000, async () => {
      try {
        await admin.query(
          `set lock_timeout = '500ms'; drop trigger if exists stop_there on ${place}`,
        )
        return true
      } catch {
        await wait(100)
        return false
      }
    })
  }
}

// Fails when a page and its place are two commits, a claim is not taken over, or a step goes on
// without a look.
it.each(points)(
  'A4: killed where %s: nothing is lost, nothing doubled',
  async (_, kind, point) => {
    await world.microsoft.clearCalls()
    const keys = kind === 'sync' ? [] : await firstPeople(world, tenantId, moved)
    const department = `Behind ${point.on} ${point.skip}`.slice(0, 64)
    const begin = () =>
      kind === 'sync'
        ? startSync(world, tenantId, true)
        : startMove(world, tenantId, keys, department)
    const id = await killAt(point, begin)
    worker = await world.serve('worker')
    const work = await ended(world, kind, id, takenOverMs)

    expect(work.state).toBe('succeeded')
    expect(await differences(world)).toEqual([])
    if (kind === 'sync') {
      const told = (await pagesTold(world, id)).get(users) ?? []
      expect(told).toEqual(told.map((_page, index) => index + 1))
      // What was stored is not read again: at most what was under way.
      const lists = (await world.microsoft.calls()).filter(({ path }) => /\/users\?/.test(path))
      expect(lists.length).toBeLessThanOrEqual(people / pageSize + 3)
      expect(work.models).toContainEqual(
        expect.objectContaining({ model: users, phase: 'done', removed: 0, rejected: 0 }),
      )
    } else {
      expect(work.steps).toEqual({ total: moved, done: moved })
      const writes = (await world.microsoft.calls('&writes=true')).filter(({ applied }) => applied)
      expect(new Set(writes.map(({ path }) => path)).size).toBe(moved)
      expect(writes).toHaveLength(moved)
    }
  },
  90_000,
)
