import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { differences } from './truth.ts'
import {
  ended,
  firstPeople,
  pagesTold,
  planFault,
  slowDown,
  startMove,
  startSync,
  stepsDone,
  untilPages,
} from './work.ts'
import { openWorld, until, users, type World } from './world.ts'

/** How soon another worker has taken over from a killed one, and ended what little was left. */
const takenOverMs = 20_000
const testMs = 60_000

let world: World
let tenantId: number

beforeAll(async () => {
  world = await openWorld(400)
  await world.serve('api')
  tenantId = await world.attach('Contoso', { userPageSize: 20, groupPageSize: 10 })
})
beforeEach(async () => {
  // The API and two workers.
  while (world.living().length < 3) await world.serve('worker')
})
afterAll(() => world.close({ cut: true }))

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

/** The keys of the first people, who are read first where no test did. */
async function knownPeople(count: number): Promise<string[]> {
  const known = await firstPeople(world, tenantId, count)
  if (known.length === count) return known
  await ended(world, 'sync', await startSync(world, tenantId), takenOverMs)
  return await firstPeople(world, tenantId, count)
}

/** The pages of people whose objects a run remembers to have seen. */
async function storedPages(id: number): Promise<number[]> {
  const rows = await world.query<{ seq: number }>(
    `select seq from sync_page join model m on m.id = model_id
      where run_id = $1 and m.name = $2 and seq > 0 order by seq`,
    [id, users],
  )
  return rows.map(({ seq }) => seq)
}

it(
  'A4: a worker killed in the middle of a sync: the other ends it, and no page counts twice',
  async () => {
    await slowDown(world, 400)
    const id = await startSync(world, tenantId)
    await untilPages(world, id, 6)
    await (await world.workerOf('sync', id)).end('SIGKILL')
    const told = (await pagesTold(world, id)).get(users) ?? []
    expect(told.length).toBeLessThan(20)
    // What the next one has to go on by; it goes when the run ends.
    expect(await storedPages(id)).toEqual(told)
    await slowDown(world, 0)
    const sync = await ended(world, 'sync', id, takenOverMs)

    expect(sync).toMatchObject({ state: 'succeeded' })
    const { groups } = await world.microsoft.snapshot()
    const added = new Map<string, number>(
      sync.models.map((one: { model: string; added: number }) => [one.model, one.added]),
    )
    expect(added.get(users)).toBe(400)
    expect(added.get('device/msgraph/Groups')).toBe(groups.length)
    for (const [model, pages] of await pagesTold(world, id)) {
      expect({ model, pages }).toEqual({ model, pages: upTo(pages.length) })
    }
    expect(await storedPages(id)).toEqual([])
    // Nothing was read from the beginning again: only the pages that were under way.
    const lists = (await world.microsoft.calls()).filter(({ path }) => /\/users\?/.test(path))
    expect(lists.length).toBeLessThanOrEqual(20 + 3)
    expect(await world.query('select from resource_change')).toEqual([])
    expect(await differences(world)).toEqual([])
  },
  testMs,
)

it(
  'A4: a worker killed while Microsoft makes a change: each object is changed once',
  async () => {
    await slowDown(world, 400)
    await world.microsoft.clearCalls()
    const people = 60
    const keys = await firstPeople(world, tenantId, people)
    // Made at once, but the answer comes when nobody is there to hear it.
    const fault = await planFault(world, 'delay', {
      method: 'PATCH',
      skip: 9,
      count: 1,
      value: 3_000,
    })
    const id = await startMove(world, tenantId, keys, 'Night Watch')
    await fault.befell()
    await (await world.workerOf('transaction', id)).end('SIGKILL')
    expect(await stepsDone(world, id)).toBeLessThan(people)
    await slowDown(world, 0)
    const transaction = await ended(world, 'transaction', id, takenOverMs)

    expect(transaction).toMatchObject({
      state: 'succeeded',
      steps: { total: people, done: people },
    })
    const writes = (await world.microsoft.calls('&writes=true')).filter(({ applied }) => applied)
    expect(writes).toHaveLength(people)
    expect(new Set(writes.map(({ path }) => path)).size).toBe(people)
    const { users: everybody } = await world.microsoft.snapshot()
    const moved = everybody.filter(({ department }) => department === 'Night Watch')
    expect(moved).toHaveLength(people)
    expect(await differences(world)).toEqual([])
    // What is done at Microsoft is in the audit first; the steps cut off are there twice.
    const [audited] = await world.query<{ steps: number; rows: number }>(
      `select count(distinct detail ->> 'step')::int as steps, count(*)::int as rows
      from audit where action = 'transaction.step' and subject = $1`,
      [`transaction:${id}`],
    )
    expect(audited?.steps).toBe(people)
    expect(audited?.rows).toBeGreaterThan(people)
    expect(audited?.rows).toBeLessThanOrEqual(people + limits.stepsInFlight)
  },
  testMs,
)

/** Steps under way that nobody has: their job is neither in its queue nor with one who lives. */
function abandonedSteps(): Promise<object[]> {
  return world.query(
    `select transaction_id, seq, state from transaction_step
      where state in ('doing', 'undoing') and not exists (
        select from dbos.workflow_status
         where workflow_uuid like 'transaction:' || transaction_id || ':%'
           and (status in ('ENQUEUED', 'DELAYED') or status = 'PENDING'
             and exists (select from worker where id = executor_id)))`,
  )
}

async function stepsUnderWay(): Promise<number> {
  return (await world.query(`select from transaction_step where state = 'doing'`)).length
}

// Fails when one that stops keeps its jobs to itself, or ends before they are handed back.
it(
  'A14: a worker told to stop under load ends in time, and its work goes on at once',
  async () => {
    const keys = await knownPeople(300)
    const [, idle, worker] = world.living()
    await idle?.end()
    await slowDown(world, 250)
    const sync = await startSync(world, tenantId, true)
    const transaction = await startMove(world, tenantId, keys, 'Day Watch')
    await until('some steps', 30_000, async () => (await stepsDone(world, transaction)) >= 2)
    const other = await world.serve('worker')
    expect(await world.workerOf('sync', sync)).toBe(worker)
    expect(await world.workerOf('transaction', transaction)).toBe(worker)
    await until('steps under way', 10_000, async () => (await stepsUnderWay()) > 0)

    const stopped = await worker?.end('SIGTERM')
    expect(await abandonedSteps()).toEqual([])
    expect(stopped?.code).toBe(0)
    expect(stopped?.ms).toBeLessThan(limits.stopMs)
    // Handed on: nobody waits until it counts as dead.
    const work = [['sync', sync] as const, ['transaction', transaction] as const]
    for (const [kind, id] of work) {
      const taken = async () => (await world.workerOf(kind, id).catch(() => undefined)) === other
      await until(`${kind} elsewhere`, limits.heartbeatDeadMs - 2 * limits.heartbeatMs, taken)
    }
    await slowDown(world, 0)
    for (const [kind, id] of work) {
      expect(await ended(world, kind, id, takenOverMs)).toMatchObject({ state: 'succeeded' })
    }
    expect(await differences(world)).toEqual([])
  },
  testMs,
)
