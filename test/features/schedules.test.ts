import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Actor, allPermissions } from '../../src/core/actor.ts'
import type { Model } from '../../src/core/model.ts'
import { markModelsDue } from '../../src/engine/due/queries.ts'
import { readModelFiles } from '../../src/engine/models/load.ts'
import { createModels, type Models } from '../../src/engine/models/versions/versions.ts'
import { bringShippedModels } from '../../src/features/models/shipped.ts'
import {
  type DueDependencies,
  queueMarked,
  queueScheduled,
} from '../../src/features/schedules/dueScan.ts'
import { listRules, setRule } from '../../src/features/schedules/rules.ts'
import {
  createSchedule,
  deleteSchedule,
  listSchedules,
  pauseSchedule,
  readSchedule,
  resumeSchedule,
  updateSchedule,
} from '../../src/features/schedules/schedules.ts'
import { syncOnSave } from '../../src/features/syncs/syncOnSave.ts'
import { startSync } from '../../src/features/syncs/syncs.ts'
import type { TenantAnswer } from '../../src/features/tenants/answer.ts'
import { enqueueJob } from '../../src/store/jobs/job.ts'
import { inScope } from '../../src/store/scope.ts'
import { quietLog, systemClock } from '../store/testing.ts'
import { actorAt, addNode, type Bench, failureOf, openBench, provider } from './support.ts'

const users = 'device/msgraph/MSOLUser'
const groups = 'device/msgraph/Groups'
const minute = 60_000

let bench: Bench
let models: readonly Model[]
let inForce: Models
/** Milliseconds since 1970 that every part of a test goes by. */
let now: number
let tenantId: number
let path: string
let dependencies: DueDependencies

const clock = { ...systemClock, now: () => now }

beforeAll(async () => {
  bench = await openBench()
  await bringShippedModels(bench.store.db, await readModelFiles('models'))
  inForce = createModels(bench.store.db)
  models = await inForce.current()
})
afterAll(() => bench.close())

let round = 0

beforeEach(async () => {
  now = Date.parse('2026-06-01T12:00:00Z')
  round += 1
  ;({ tenantId, path } = await addTenant(`Customer ${round}`))
  const store = { ...bench.store, clock }
  const actorNow = async (id: string) => (id === provider.id ? provider : undefined)
  dependencies = { store, jobs: { enqueue: enqueueJob }, models: inForce, actorNow, log: quietLog }
})

async function addTenant(name: string) {
  const node = await addNode(bench, 1, 'customer', name)
  const { rows } = await inScope(bench.store.db, '1.', (tx) =>
    sql<{ id: number }>`insert into tenant
      (node_id, node_path, name, microsoft_tenant_id, cloud, settings)
      values (${node.id}, ${node.path}, ${name}, gen_random_uuid(), 'global', '{}')
      returning id`.execute(tx),
  )
  return { tenantId: rows[0]?.id ?? 0, path: node.path }
}

interface Sync {
  id: number
  state: string
  actor: Actor
  models: string[]
}

async function syncsOf(tenant = tenantId): Promise<Sync[]> {
  return inScope(bench.store.db, '1.', async (tx) => {
    const { rows } = await sql<Sync>`
      select id, state, actor, (select array_agg(m.name order by seq) from run_model
        join model m on m.id = model_id where run_id = run.id) as models
      from run where tenant_id = ${tenant} order by id`.execute(tx)
    return rows
  })
}

async function endSyncs(): Promise<void> {
  await inScope(bench.store.db, '1.', (tx) =>
    sql`update run set state = 'succeeded' where state in ('queued', 'running')`.execute(tx),
  )
}

const create = (body: object, actor = provider) =>
  createSchedule(actor, dependencies, tenantId, {
    ...{ name: 'Nightly', everyMinutes: 60 },
    ...body,
  })

const start = (body: { models?: string[]; fullList?: boolean } = {}) => {
  const work = { db: bench.store.db, jobs: { enqueue: enqueueJob }, models: inForce, clock }
  return startSync(provider, work, tenantId, body)
}

describe('a schedule', () => {
  it('shows when it is next due, and queues a sync then, as who made it', async () => {
    const { id, dueAt } = await create({ models: [groups.toUpperCase()] })
    expect(dueAt).toBe('2026-06-01T13:00:00.000Z')
    expect(await queueScheduled(dependencies)).toBe(0)
    now += 60 * minute
    expect(await queueScheduled(dependencies)).toBe(1)
    const [sync] = await syncsOf()
    expect(sync).toMatchObject({ state: 'queued', models: [groups], actor: { id: provider.id } })
    expect(await readSchedule(provider, dependencies, id)).toMatchObject({
      ...{ dueAt: '2026-06-01T14:00:00.000Z', lastDueAt: dueAt, lastSyncId: sync?.id },
    })
  })

  it('that was missed for a day runs once', async () => {
    await create({})
    now += 25 * 60 * minute
    await queueScheduled(dependencies)
    await endSyncs()
    await queueScheduled(dependencies)
    expect(await syncsOf()).toHaveLength(1)
  })

  it('that meets a sync under way is that one; what it does not read is marked', async () => {
    await create({ name: 'People', models: [users] })
    await create({ name: 'All' })
    now += 60 * minute
    await queueScheduled(dependencies)
    const syncs = await syncsOf()
    expect(syncs.map((sync) => sync.models)).toEqual([[users]])
    await queueMarked(dependencies)
    expect(await syncsOf()).toHaveLength(1)
    await endSyncs()
    await queueMarked(dependencies)
    const [, second] = await syncsOf()
    expect(second?.models).toEqual(models.map((model) => model.id).filter((id) => id !== users))
  })

  it('or a person who meets one: the rest comes behind it, and full lists not at all', async () => {
    const { id } = await start({ models: [users] })
    expect(await start({ models: [groups, users] })).toMatchObject({ id })
    expect((await failureOf(start({ fullList: true }))).code).toBe('conflict')
    await endSyncs()
    await queueMarked(dependencies)
    expect((await syncsOf()).map((sync) => sync.models)).toEqual([[users], [groups]])
  })

  it('rests while it is paused, and goes on at its next time', async () => {
    const { id } = await create({})
    expect(await pauseSchedule(provider, dependencies, id)).toMatchObject({
      ...{ paused: true, dueAt: null, pausedWhy: 'Paused by Ada.' },
    })
    now += 5 * 60 * minute + 1
    await queueScheduled(dependencies)
    expect(await syncsOf()).toEqual([])
    const resumed = await resumeSchedule(provider, dependencies, id)
    expect(resumed.paused).toBe(false)
    expect(Date.parse(resumed.dueAt ?? '')).toBeGreaterThan(now)
    expect(Date.parse(resumed.dueAt ?? '')).toBeLessThanOrEqual(now + 60 * minute)
  })

  it('I3: does nothing once who made it may not, says so, and puts it on record', async () => {
    const site = await addNode(bench, 1, 'customer', `Elsewhere ${round}`)
    const { id } = await create({})
    const elsewhere = actorAt(site.path)
    now += 60 * minute
    const away = { ...dependencies, actorNow: async () => elsewhere }
    await queueScheduled(away)
    expect(await syncsOf()).toEqual([])
    const paused = await readSchedule(provider, dependencies, id)
    expect(paused.pausedWhy).toMatch(/Ada may no longer sync this tenant/)
    await resumeSchedule(provider, dependencies, id)
    now += 60 * minute
    await queueScheduled({ ...dependencies, actorNow: async () => undefined })
    expect(await syncsOf()).toEqual([])
    await resumeSchedule(provider, dependencies, id)
    now += 60 * minute
    const reader = actorAt('1.', [{ type: '*', operations: ['Read'] }])
    await queueScheduled({ ...dependencies, actorNow: async () => reader })
    expect(await syncsOf()).toEqual([])
    const { rows } = await inScope(bench.store.db, path, (tx) =>
      sql`select actor ->> 'name' as actor, tenant_id as tenant from audit
        where action = ${'schedule.refused'} and subject = ${`schedule:${id}`}`.execute(tx),
    )
    const refused = { actor: 'Ada', tenant: tenantId }
    expect(rows).toEqual([refused, refused, refused])
  })

  it('acts as who changed it last', async () => {
    const { id } = await create({})
    const grace = actorAt('1.', allPermissions, 'Grace')
    const changed = await updateSchedule(grace, dependencies, id, {
      ...{ cron: '0 3 * * *', timeZone: 'Europe/Berlin' },
    })
    expect(changed).toMatchObject({
      ...{ actsAs: 'Grace', everyMinutes: null, dueAt: '2026-06-02T01:00:00.000Z' },
    })
    expect(await updateSchedule(grace, dependencies, id, { name: 'Early' })).toMatchObject({
      ...{ name: 'Early', cron: '0 3 * * *', timeZone: 'Europe/Berlin' },
    })
  })

  it('cannot be made or set going by who may not sync', async () => {
    const planner = actorAt('1.', [{ type: 'data/Schedule', operations: ['Create', 'Update'] }])
    expect((await failureOf(create({}, planner))).code).toBe('not-permitted')
    const { id } = await create({})
    const renamed = updateSchedule(planner, dependencies, id, { name: 'X' })
    expect((await failureOf(renamed)).code).toBe('not-permitted')
    await pauseSchedule(planner, dependencies, id)
    const resumed = resumeSchedule(planner, dependencies, id)
    expect((await failureOf(resumed)).code).toBe('not-permitted')
  })

  it('has a name of its own within its tenant', async () => {
    await create({})
    expect((await failureOf(create({ name: 'NIGHTLY' }))).code).toBe('conflict')
  })

  it('is gone when it is deleted', async () => {
    const { id } = await create({})
    await deleteSchedule(provider, dependencies, id)
    const { items } = await listSchedules(provider, dependencies, { tenantId })
    expect(items).toEqual([])
  })

  it('that cannot be followed holds up none of the others', async () => {
    await create({ name: 'Broken' })
    const other = await addTenant(`Other ${round}`)
    now += minute
    await createSchedule(provider, dependencies, other.tenantId, { name: 'B', everyMinutes: 60 })
    now += 61 * minute
    const enqueue: typeof enqueueJob = async (tx, job) => {
      if (job.tenantId === tenantId) throw new Error('broken')
      await enqueueJob(tx, job)
    }
    await queueScheduled({ ...dependencies, jobs: { enqueue } })
    expect(await syncsOf()).toEqual([])
    expect(await syncsOf(other.tenantId)).toHaveLength(1)
  })
})

it('several workers look at once, and nothing is done twice', async () => {
  const places = [{ tenantId, path }]
  for (let number = 1; number < 12; number += 1) {
    places.push(await addTenant(`Crowd ${round} ${number}`))
  }
  for (const place of places) {
    for (const name of ['A', 'B']) {
      await createSchedule(provider, dependencies, place.tenantId, { name, everyMinutes: 60 })
    }
  }
  now += 60 * minute
  // A worker that lost a race looks again, as the loop of every worker does.
  const worker = async () => {
    for (let look = 0; look < 5; look += 1) {
      await queueScheduled(dependencies)
      await queueMarked(dependencies)
    }
  }
  await Promise.all([worker(), worker(), worker(), worker()])
  for (const place of places) {
    expect(await syncsOf(place.tenantId)).toHaveLength(1)
    const { items } = await listSchedules(provider, dependencies, { tenantId: place.tenantId })
    expect(items.map((item) => item.dueAt)).toEqual(
      Array.from({ length: 2 }, () => '2026-06-01T14:00:00.000Z'),
    )
  }
  const jobs = await inScope(bench.store.db, '1.', (tx) =>
    sql<{
      count: number
    }>`select count(*) as count from dbos.workflow_status where queue_name = 'sync'
      and queue_partition_key = any(${places.map((place) => String(place.tenantId))})`.execute(tx),
  )
  expect(jobs.rows[0]?.count).toBe(places.length)
})

const mark = (model: string, dueAt = now) =>
  inScope(bench.store.db, path, (tx) =>
    markModelsDue(tx, { tenantId, nodePath: path }, [model], {
      ...{ dueAt: new Date(dueAt), cause: 'test', actor: provider },
    }),
  )

describe('a mark', () => {
  it('becomes a sync of its model when it is due, once', async () => {
    await mark(users, now + 5_000)
    await mark(users, now + 60_000)
    await mark(groups, now + 9_000)
    await queueMarked(dependencies)
    expect(await syncsOf()).toEqual([])
    now += 5_000
    await queueMarked(dependencies)
    await endSyncs()
    await queueMarked(dependencies)
    expect((await syncsOf()).map((sync) => sync.models)).toEqual([[users]])
  })

  it('of a model that is no longer there is dropped', async () => {
    await bench.store.db.kysely
      .insertInto('model')
      .values({ name: 'device/msgraph/Gone' })
      .execute()
    await mark('device/msgraph/Gone')
    await queueMarked(dependencies)
    await queueMarked(dependencies)
    expect(await syncsOf()).toEqual([])
  })
})

it('a tenant that wants so is synced in whole when it is saved, once for several saves', async () => {
  const { db } = bench.store
  const tenant = { id: tenantId, nodePath: path, sync: { onSave: true } } as TenantAnswer
  await syncOnSave(provider, { db, clock, models: inForce }, tenant)
  await syncOnSave(provider, { db, clock, models: inForce }, tenant)
  await queueMarked(dependencies)
  const all = models.map((model) => model.id)
  expect((await syncsOf()).map((sync) => sync.models)).toEqual([all])
  await endSyncs()
  const reader = actorAt('1.', [{ type: '*', operations: ['Read', 'Update'] }])
  await syncOnSave(reader, { db, clock, models: inForce }, tenant)
  await syncOnSave(
    provider,
    { db, clock, models: inForce },
    { ...tenant, sync: { ...tenant.sync, onSave: false } },
  )
  await queueMarked(dependencies)
  expect(await syncsOf()).toHaveLength(1)
})

describe('a rule', () => {
  const model = () => models.find(({ id }) => id === users) ?? expect.fail('no such model')

  it('is shown until it is lifted, and makes the next sync a full one', async () => {
    const { db } = bench.store
    await inScope(db, path, (tx) =>
      sql`insert into sync_state (tenant_id, model_id, node_path, delta_cursor)
        select ${tenantId}, id, ${path}, 'token' from model where name = ${users}`.execute(tx),
    )
    await setRule(provider, db, tenantId, model(), ['remove', 'add', 'remove'])
    const { items } = await listRules(provider, db, tenantId)
    expect(items).toEqual([{ model: users, disabled: ['add', 'remove'] }])
    const cursors = await inScope(db, path, (tx) =>
      sql`select delta_cursor from sync_state where tenant_id = ${tenantId}`.execute(tx),
    )
    expect(cursors.rows).toEqual([{ delta_cursor: null }])
    await setRule(provider, db, tenantId, model(), [])
    expect((await listRules(provider, db, tenantId)).items).toEqual([])
  })

  const leaveOut = (id: string) => {
    const found = models.find((one) => one.id === id) ?? expect.fail(`no model ${id}`)
    return setRule(provider, bench.store.db, tenantId, found, ['read'])
  }
  it('leaves a model out: of Sync All, of schedules and of marks', async () => {
    await leaveOut(groups)
    const read = (await start()).models.map(({ model }) => model)
    expect(read).toEqual(models.map(({ id }) => id).filter((id) => id !== groups))
    await endSyncs()
    const { id } = await create({ models: [groups] })
    await mark(groups)
    now += 60 * minute
    await queueScheduled(dependencies)
    await queueMarked(dependencies)
    expect(await syncsOf()).toHaveLength(1)
    const { lastSyncId, dueAt } = await readSchedule(provider, dependencies, id)
    expect([lastSyncId, dueAt]).toEqual([null, '2026-06-01T14:00:00.000Z'])
  })

  it('that leaves a model out is told to whoever names the model for a sync', async () => {
    await leaveOut(groups)
    const { code, message } = await failureOf(start({ models: [users, groups] }))
    expect([code, message]).toEqual(['conflict', expect.stringContaining(`leave out ${groups}`)])
    for (const { id } of models) await leaveOut(id)
    expect((await failureOf(start())).message).toContain('leave out every model')
  })

  it('is not changed under a sync', async () => {
    await create({})
    now += 60 * minute
    await queueScheduled(dependencies)
    const failure = await failureOf(setRule(provider, bench.store.db, tenantId, model(), ['add']))
    expect(failure.code).toBe('conflict')
  })
})
