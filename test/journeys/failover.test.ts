import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { differences } from './truth.ts'
import { openWorld, until, users, type World } from './world.ts'

/** How soon another worker has taken over from one that was killed, and ended what little was left. */
const takenOverMs = 20_000

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
afterAll(() => world.close())

const slow = (fixedMs: number) => world.microsoft.ask('PUT', 'latency', { fixedMs })

async function startSync(fullList: boolean): Promise<number> {
  const { sync } = await world.client()
  return (await sync.start({ params: { tenantId }, body: { fullList } })).id
}

async function ended(kind: 'sync' | 'transaction', id: number, ms: number) {
  return until(`the end of ${kind} ${id}`, ms, async () => {
    const { body } = await world.ask('GET', `/v1/${kind}s/${id}`)
    return body.endedAt !== null && body
  })
}

/** The numbers of the pages stored, as the events tell them, by model; each event is one commit. */
async function pagesTold(id: number): Promise<Map<string, number[]>> {
  const rows = await world.query<{ model: string; page: number }>(
    `select data ->> 'model' as model, (data ->> 'page')::int as page from event
      where subject = $1 and data ? 'unchanged' order by id`,
    [`sync:${id}`],
  )
  const pages = new Map<string, number[]>()
  for (const { model, page } of rows) pages.set(model, [...(pages.get(model) ?? []), page])
  return pages
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

it('a worker killed in the middle of a sync: the other ends it, and no page counts twice', async () => {
  await slow(400)
  const id = await startSync(false)
  await until('some pages', 30_000, async () => ((await pagesTold(id)).get(users)?.length ?? 0) > 5)
  await (await world.workerOf('sync', id)).end('SIGKILL')
  const before = (await pagesTold(id)).get(users)?.length ?? 0
  await slow(0)
  const sync = await ended('sync', id, takenOverMs)

  expect(before).toBeLessThan(20)
  expect(sync).toMatchObject({ state: 'succeeded' })
  const { groups } = await world.microsoft.snapshot()
  const added = sync.models.map((model: { added: number }) => model.added)
  expect(added.slice(1)).toEqual([400, groups.length])
  for (const [model, pages] of await pagesTold(id)) {
    expect({ model, pages }).toEqual({ model, pages: upTo(pages.length) })
    const stored = await world.query<{ seq: number }>(
      `select seq from sync_page join model m on m.id = model_id
        where run_id = $1 and m.name = $2 order by seq`,
      [id, model],
    )
    expect(stored.map(({ seq }) => seq)).toEqual(pages)
  }
  // Nothing was read from the beginning again: only the page that was under way.
  const lists = (await world.microsoft.calls()).filter(({ path }) => /\/users\?/.test(path))
  expect(lists.length).toBeLessThanOrEqual(20 + 2)
  expect(await world.query('select from resource_change')).toEqual([])
  expect(await differences(world)).toEqual([])
})

/** A transaction that gives so many people another department. */
async function startMove(count: number, department: string): Promise<number> {
  const { resource, transaction } = await world.client()
  const params = { tenantId, application: 'msgraph', name: 'MSOLUser' }
  const page = await resource.list({ params, query: { limit: count } })
  const objects = page.items.map(({ key }) => ({ ref: key, set: { department } }))
  const started = await transaction.start({
    params: { tenantId },
    body: { model: users, objects },
  })
  return started.id
}

async function stepsDone(id: number): Promise<number> {
  return (await world.ask('GET', `/v1/transactions/${id}`)).body.steps.done
}

it('a worker killed in the middle of a transaction: each object is changed once', async () => {
  await slow(150)
  await world.microsoft.clearCalls()
  const id = await startMove(30, 'Night Watch')
  await until('some steps', 30_000, async () => (await stepsDone(id)) >= 8)
  await (await world.workerOf('transaction', id)).end('SIGKILL')
  expect(await stepsDone(id)).toBeLessThan(30)
  await slow(0)
  const transaction = await ended('transaction', id, takenOverMs)

  expect(transaction).toMatchObject({ state: 'succeeded', steps: { total: 30, done: 30 } })
  const writes = (await world.microsoft.calls('&writes=true')).filter(({ applied }) => applied)
  expect(writes).toHaveLength(30)
  expect(new Set(writes.map(({ path }) => path)).size).toBe(30)
  const { users: people } = await world.microsoft.snapshot()
  const moved = people.filter(({ department }) => department === 'Night Watch')
  expect(moved).toHaveLength(30)
  expect(await differences(world)).toEqual([])
  // What is done at Microsoft is in the audit first; only the step cut off is there twice.
  const [audited] = await world.query<{ steps: number; rows: number }>(
    `select count(distinct detail ->> 'step')::int as steps, count(*)::int as rows
      from audit where action = 'transaction.step' and subject = $1`,
    [`transaction:${id}`],
  )
  expect(audited?.steps).toBe(30)
  expect(audited?.rows).toBeLessThanOrEqual(31)
})

it('a worker told to stop under load ends in time, and its work goes on at once', async () => {
  const [, idle, worker] = world.living()
  await idle?.end()
  await slow(250)
  const [sync, transaction] = [await startSync(true), await startMove(20, 'Day Watch')]
  await until('some steps', 30_000, async () => (await stepsDone(transaction)) >= 2)
  const other = await world.serve('worker')
  expect(await world.workerOf('sync', sync)).toBe(worker)
  expect(await world.workerOf('transaction', transaction)).toBe(worker)

  const stopped = await worker?.end('SIGTERM')
  expect(stopped?.code).toBe(0)
  expect(stopped?.ms).toBeLessThan(limits.stopMs)
  // Handed on: nobody waits until it counts as dead.
  for (const [kind, id] of [
    ['sync', sync],
    ['transaction', transaction],
  ] as const) {
    const taken = async () => (await world.workerOf(kind, id).catch(() => undefined)) === other
    await until(`${kind} elsewhere`, limits.heartbeatDeadMs / 2, taken)
  }
  await slow(0)
  expect(await ended('sync', sync, takenOverMs)).toMatchObject({ state: 'succeeded' })
  expect(await ended('transaction', transaction, takenOverMs)).toMatchObject({ state: 'succeeded' })
  expect(await differences(world)).toEqual([])
})
