import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { AppError } from '../../src/core/errors.ts'
import { limits } from '../../src/core/limits.ts'
import { emit, eventsFromStart, readEvents, requireKept } from '../../src/store/events.ts'
import { createSweep, sweep } from '../../src/store/retention.ts'
import { inScope } from '../../src/store/scope.ts'
import { type FreshDatabase, freshDatabase, systemClock } from './testing.ts'

let fresh: FreshDatabase
let owner: pg.Client
const never = new AbortController().signal

beforeAll(async () => {
  fresh = await freshDatabase()
  owner = new pg.Client({ connectionString: fresh.url.reveal() })
  await owner.connect()
  await owner.query('set search_path = patchbay')
})
afterAll(async () => {
  await owner.end()
  await fresh.close()
})
beforeEach(async () => {
  await owner.query(
    'truncate event, run, run_model, transaction, transaction_step, resource_change',
  )
  await owner.query(`update event_swept set tx = '0', id = 0`)
})

const sweepNow = () => sweep(fresh.db, systemClock, never)
const count = async (table: string) => {
  const { rows } = await owner.query<{ count: number }>(
    `select count(*)::int as count from ${table}`,
  )
  return rows[0]?.count
}

async function addEvents(some: number, daysAgo: number): Promise<void> {
  await owner.query(
    `insert into event (at, node_path, subject, kind, data)
     select now() - make_interval(days => $2), '1.2.', 'node:2', 'x', '{}' from generate_series(1, $1)`,
    [some, daysAgo],
  )
}

test('events go after their time, in batches, oldest first', async () => {
  await addEvents(limits.sweepRows + 3, 31)
  await addEvents(5, 29)
  expect(await sweepNow()).toEqual({ event: limits.sweepRows + 3 })
  expect(await count('event')).toBe(5)
  expect(await sweepNow()).toEqual({})
})

test('a reader who was not as far is told, one who was goes on', async () => {
  await addEvents(2, 31)
  await inScope(fresh.db, '1.2.', (tx) =>
    emit(tx, { nodePath: '1.2.', subject: 'node:2', kind: 'kept', data: {} }),
  )
  const { rows } = await owner.query('select tx::text, id::text from event order by tx, id')
  const [first, last, kept] = rows
  await sweepNow()
  const refused = requireKept(fresh.db, first, 'headers.last-event-id')
  await expect(refused).rejects.toMatchObject({
    code: 'gone',
    status: 410,
    fields: [{ field: 'headers.last-event-id' }],
  })
  await expect(refused).rejects.toThrow(/before the oldest event that is kept/)
  await requireKept(fresh.db, last, 'after')
  await requireKept(fresh.db, kept, 'after')
  await requireKept(fresh.db, eventsFromStart, 'after')
  // Readable behind everything still open, and other tests share the server.
  const behind = () => readEvents(fresh.db, '1.2.', last)
  await expect.poll(behind, { timeout: 20_000 }).toMatchObject([{ kind: 'kept' }])
})

async function addRun(daysAgo: number | null, state: string): Promise<number> {
  const { rows } = await owner.query<{ id: string }>(
    `insert into run (tenant_id, node_path, state, actor, ended_at)
     values (7, '1.2.', $2, '{}', now() - make_interval(days => $1)) returning id`,
    [daysAgo, state],
  )
  const id = Number(rows[0]?.id)
  await owner.query(
    `insert into run_model (run_id, seq, model_id, node_path) values ($1, 1, 1, '1.2.')`,
    [id],
  )
  return id
}

test('runs go with what belongs to them; the newest and what waits for a person stay', async () => {
  const held = await addRun(500, 'awaiting-approval')
  await addRun(500, 'succeeded')
  const recent = await addRun(100, 'succeeded')
  const newest = await addRun(400, 'failed')
  expect(await sweepNow()).toEqual({ run: 1 })
  for (const [table, column] of [
    ['run', 'id'],
    ['run_model', 'run_id'],
  ] as const) {
    const { rows } = await owner.query(`select ${column}::int as id from ${table} order by 1`)
    expect(rows.map(({ id }) => id)).toEqual([held, recent, newest])
  }
})

async function addTransaction(daysAgo: number, state: string, undoes: number | null = null) {
  const { rows } = await owner.query<{ id: string }>(
    `insert into transaction (tenant_id, node_path, kind, title, state, actor, actor_id,
       request_hash, undoes, ended_at)
     values (7, '1.2.', 'update', 'x', $2, '{}', 'a', '', $3, now() - make_interval(days => $1))
     returning id`,
    [daysAgo, state, undoes],
  )
  return Number(rows[0]?.id)
}

test('a transaction goes once nothing names it any more; what is stuck stays', async () => {
  const undone = await addTransaction(500, 'succeeded')
  await addTransaction(450, 'succeeded', undone)
  const stuck = await addTransaction(500, 'stuck')
  await sweepNow()
  await sweepNow()
  const { rows } = await owner.query('select id::int from transaction')
  expect(rows).toEqual([{ id: stuck }])
})

test('history goes after its time', async () => {
  await owner.query(
    `insert into resource_change (tenant_id, id, at, node_path, cause, patch)
     select 7, n, now() - make_interval(days => n), '1.2.', 'run:1', '[]'
     from generate_series(399, 402) n`,
  )
  expect(await sweepNow()).toEqual({ resource_change: 3 })
})

test('how long is the word of the owner alone, and the audit is not spoken of', async () => {
  const asApplication = (text: string) => fresh.db.pool.query(text)
  for (const text of [
    'update retention set keep_days = 7',
    `insert into retention values ('audit', 7)`,
    'delete from event',
    'delete from audit',
    'update event_swept set id = 0',
    'truncate event',
  ]) {
    await expect(asApplication(text), text).rejects.toThrow(/permission denied/)
  }
  await inScope(fresh.db, '1.2.', (tx) =>
    sql`insert into audit (at, node_path, actor, action, subject, detail)
      values (now() - interval '9 years', '1.2.', '{}', 'x', 'x', '{}')`.execute(tx),
  )
  await asApplication(`select sweep('audit', 100), sweep('audit; drop table audit', 100)`)
  await sweepNow()
  expect(await count('audit')).toBe(1)
  await owner.query(`update retention set keep_days = null where kind = 'event'`)
  await addEvents(1, 9_000)
  expect(await sweepNow()).toEqual({})
  await owner.query(`update retention set keep_days = 30 where kind = 'event'`)
  await expect(owner.query('update retention set keep_days = 1')).rejects.toThrow(/keep_days/)
})

test('whoever asks for a sweep sees no more after it than before', async () => {
  await addEvents(1, 31)
  await addEvents(1, 1)
  await inScope(fresh.db, '1.3.', async (tx) => {
    await sql`select sweep('event', 100)`.execute(tx)
    expect((await sql`select from event`.execute(tx)).rows).toEqual([])
  })
  expect(await count('event')).toBe(1)
})

test('a scan that comes round often sweeps only when it is time', async () => {
  let now = 0
  const swept = createSweep(fresh.db, { ...systemClock, now: () => now })
  await addEvents(1, 31)
  await swept(never)
  expect(await count('event')).toBe(0)
  await addEvents(1, 31)
  await swept(never)
  expect(await count('event')).toBe(1)
  now += limits.sweepEveryMs
  await swept(never)
  expect(await count('event')).toBe(0)
})

test('the errors of a sweep are those of the database', async () => {
  const away = { ...fresh.db, pool: new pg.Pool({ connectionString: 'postgres://127.0.0.1:1/x' }) }
  await expect(sweep(away, systemClock, never)).rejects.toBeInstanceOf(AppError)
})
