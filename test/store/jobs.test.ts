import { randomUUID } from 'node:crypto'
import { dbRetryConfig } from '@dbos-inc/dbos-sdk/internal/utils'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AppError } from '../../src/core/errors.ts'
import { limits } from '../../src/core/limits.ts'
import type { JobHandlers } from '../../src/store/jobs/advance.ts'
import { createJobs, type Jobs } from '../../src/store/jobs/jobs.ts'
import { inScope } from '../../src/store/scope.ts'
import { checkEpoch, claimEpoch } from './epoch.ts'
import { addRun, addTransaction, note, notesOf, scope, until } from './jobsWorld.ts'
import { type FreshDatabase, freshDatabase, systemClock } from './testing.ts'

let fresh: FreshDatabase

beforeAll(async () => {
  fresh = await freshDatabase()
})
afterAll(() => fresh.close())

const untold: JobHandlers = {
  sync: async () => ({ done: true }),
  transaction: async () => ({ done: true }),
  failed: async () => {},
}

/** Runs `work` while a worker with these handlers is at it; there is one engine per process. */
async function working(handlers: Partial<JobHandlers>, work: (jobs: Jobs) => Promise<void>) {
  const workerId = `test-${randomUUID()}`
  const all = { ...untold, ...handlers }
  const jobs = createJobs({ db: fresh.db, workerId, handlers: all, clock: systemClock })
  await jobs.start()
  try {
    await work(jobs)
  } finally {
    await jobs.stop()
  }
}

test('a job is picked up soon after its commit, and not without one', async () => {
  const begun: { id: number; at: number }[] = []
  const sync = async ({ id }: { id: number }) => {
    begun.push({ id, at: Date.now() })
    return { done: true as const }
  }
  await working({ sync }, async (jobs) => {
    await addRun(fresh.db, 1)
    await until('the first', 5_000, async () => begun.length === 1)
    const waits: number[] = []
    const commits: number[] = []
    for (let tenantId = 2; tenantId < 12; tenantId++) {
      const committed = Date.now()
      await addRun(fresh.db, tenantId)
      commits.push(Date.now() - committed)
      const count = begun.length
      await until('the next', 5_000, async () => begun.length > count || begun.length === tenantId)
      waits.push((begun.at(-1)?.at ?? 0) - committed)
    }
    // On a machine that is busy with other things each statement takes longer.
    expect(median(waits)).toBeLessThan(250 + 3 * median(commits))
    const lost = inScope(fresh.db, scope, async (tx) => {
      await jobs.enqueue(tx, { kind: 'sync', id: 999_999, scope, tenantId: 99 })
      throw new Error('rolled back')
    })
    await expect(lost).rejects.toThrow('rolled back')
    await systemClock.sleep(500)
    expect(begun.map((one) => one.id)).not.toContain(999_999)
  })
})

const median = (list: readonly number[]) => list.toSorted((a, b) => a - b)[list.length >> 1] ?? 0

test('one sync of a tenant at a time, two transactions, and tenants beside each other', async () => {
  const running = new Map<string, number>()
  const most = new Map<string, number>()
  let finished = 0
  const busy =
    (kind: string) =>
    async ({ id }: { id: number }) => {
      const key = `${kind}:${tenantOf.get(`${kind}:${id}`)}`
      const now = (running.get(key) ?? 0) + 1
      running.set(key, now)
      most.set(key, Math.max(most.get(key) ?? 0, now))
      const all = [...running.values()].reduce((sum, count) => sum + count, 0)
      most.set('all', Math.max(most.get('all') ?? 0, all))
      await systemClock.sleep(100)
      running.set(key, now - 1 < 0 ? 0 : (running.get(key) ?? 1) - 1)
      finished++
      return { done: true as const }
    }
  const tenantOf = new Map<string, number>()
  for (const tenantId of [21, 22]) {
    for (let count = 0; count < 5; count++) {
      const id = await addRun(fresh.db, tenantId)
      tenantOf.set(`sync:${id}`, tenantId)
      await inScope(fresh.db, scope, (tx) =>
        tx.updateTable('run').set({ state: 'succeeded' }).where('id', '=', id).execute(),
      )
      tenantOf.set(`transaction:${await addTransaction(fresh.db, tenantId)}`, tenantId)
    }
  }
  await working({ sync: busy('sync'), transaction: busy('transaction') }, async () => {
    await until('all of them', 15_000, async () => finished === 20)
  })
  expect(most.get('sync:21')).toBe(1)
  expect(most.get('sync:22')).toBe(1)
  expect(most.get('transaction:21')).toBe(2)
  expect(most.get('all')).toBeGreaterThan(3)
})

test('a row that must wait comes back after its wait, short or long, and holds no place', async () => {
  const seen: { id: number; at: number }[] = []
  const turns = new Map<number, { waitMs: number }[]>()
  const sync = async ({ id }: { id: number }) => {
    seen.push({ id, at: Date.now() })
    return turns.get(id)?.shift() ?? { done: true as const }
  }
  await working({ sync }, async () => {
    const waits = [{ waitMs: 300 }, { waitMs: limits.jobHoldMs + 500 }, { waitMs: 0 }]
    const id = await inScopeRun(31, turns, waits)
    await until('four turns', 15_000, async () => seen.filter((one) => one.id === id).length === 4)
    const at = seen.filter((one) => one.id === id).map((one) => one.at)
    const gaps = at.slice(1).map((moment, index) => moment - (at[index] ?? 0))
    expect(gaps[0]).toBeGreaterThanOrEqual(299)
    // What waits for longer is put back, and takes longer than that.
    expect(gaps[0]).toBeLessThan(limits.jobHoldMs)
    expect(gaps[1]).toBeGreaterThanOrEqual(limits.jobHoldMs + 450)
    expect(gaps[1]).toBeLessThan(limits.jobHoldMs + 3_000)
    expect(gaps[2]).toBeLessThan(limits.jobHoldMs)
    const slow = [...Array(12)].map((_, index) => index + 40)
    for (const tenantId of slow) await inScopeRun(tenantId, turns, [{ waitMs: 60_000 }])
    await until('all wait', 10_000, async () => seen.length >= 4 + slow.length)
    const quick = await addRun(fresh.db, 60)
    await until('the quick one', 15_000, async () => seen.some((one) => one.id === quick))
  })
})

async function inScopeRun(
  tenantId: number,
  turns: Map<number, { waitMs: number }[]>,
  waits: { waitMs: number }[],
): Promise<number> {
  const id = await addRun(fresh.db, tenantId)
  turns.set(id, waits)
  return id
}

test('a failure is tried again, a fenced job is silent', async () => {
  const tried = new Map<number, number>()
  const told: number[] = []
  const fenced = await addRun(fresh.db, 71)
  const failing = await addRun(fresh.db, 72)
  const sync = async ({ id }: { id: number }) => {
    const count = (tried.get(id) ?? 0) + 1
    tried.set(id, count)
    if (id === fenced) throw new AppError('fenced', 'taken over')
    if (count === 1) throw new AppError('microsoft-refused', 'no')
    return { done: true as const }
  }
  const failed: JobHandlers['failed'] = async (_kind, id) => {
    told.push(id)
  }
  await working({ sync, failed }, async () => {
    await until('the second try', 10_000, async () => tried.get(failing) === 2)
    await systemClock.sleep(500)
  })
  expect(tried.get(fenced)).toBe(1)
  expect(tried.get(failing)).toBe(2)
  expect(told).toEqual([])
})

test('a row enqueued twice is advanced by the later one; the earlier writes no more', async () => {
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const outcomes: string[] = []
  const transaction: JobHandlers['transaction'] = async ({ id }) => {
    const epoch = await inScope(fresh.db, scope, (tx) => claimEpoch(tx, 'transaction', id))
    if (epoch === 1) await held
    try {
      await inScope(fresh.db, scope, async (tx) => {
        await checkEpoch(tx, 'transaction', id, epoch)
        await note(tx, id, `epoch ${epoch}`)
      })
      outcomes.push(`${epoch} wrote`)
      return { done: true }
    } catch (error) {
      outcomes.push(`${epoch} ${error instanceof AppError ? error.code : error}`)
      throw error
    } finally {
      release()
    }
  }
  await working({ transaction }, async (jobs) => {
    const id = await addTransaction(fresh.db, 91)
    await inScope(fresh.db, scope, (tx) =>
      jobs.enqueue(tx, { kind: 'transaction', id, scope, tenantId: 91 }),
    )
    await until('both', 10_000, async () => outcomes.length === 2)
    expect(outcomes).toEqual(['2 wrote', '1 fenced'])
    expect(await notesOf(fresh.db, id)).toEqual(['epoch 2'])
  })
})

test('a worker whose row others removed begins anew and finishes what it had', async () => {
  const begun: number[] = []
  const sync: JobHandlers['sync'] = async ({ id, signal }) => {
    begun.push(id)
    if (begun.length === 1) await systemClock.sleep(60_000, signal)
    return { done: true }
  }
  await working({ sync }, async () => {
    const id = await addRun(fresh.db, 95)
    await until('the beginning', 5_000, async () => begun.length === 1)
    // As if the one who took it for dead had ended before it put our jobs back.
    await fresh.db.pool.query('delete from worker')
    await until('the second beginning', 10_000, async () => begun.length === 2)
    expect(begun).toEqual([id, id])
    const { rows } = await fresh.db.pool.query('select id from worker')
    expect(rows).toHaveLength(1)
  })
})

test('the engine looks again soon after an outage, as this process told it to', async () => {
  await working({}, async () => {
    // Up to a minute by default; a test that waits for that would be as long.
    expect(dbRetryConfig.maxBackoffSec * 1000).toBe(limits.jobOutageMs)
  })
})

test('stop asks the handlers to yield and is soon done; the work is taken up later', async () => {
  const seen: string[] = []
  const sync: JobHandlers['sync'] = async ({ signal }) => {
    seen.push('begun')
    await systemClock.sleep(60_000, signal)
    return { done: true }
  }
  const id = await addRun(fresh.db, 101)
  const begun = Date.now()
  await working({ sync }, async () => {
    await until('the beginning', 5_000, async () => seen.length === 1)
  })
  // As long as it waits for those that do not yield.
  expect(Date.now() - begun).toBeLessThan(limits.jobStopMs)
  const later: number[] = []
  const again: JobHandlers['sync'] = async (advance) => {
    later.push(advance.id)
    return { done: true }
  }
  await working({ sync: again }, async () => {
    await until('the rest', 5_000, async () => later.length === 1)
  })
  expect(later).toEqual([id])
})

test('a row that ends its process again and again is failed, not tried for ever', async () => {
  const told: unknown[] = []
  const id = await addRun(fresh.db, 111)
  await fresh.db.pool.query(
    `update dbos.workflow_status set recovery_attempts = $1 where workflow_uuid like $2`,
    [limits.jobRecoveriesMax + 1, `sync:${id}:%`],
  )
  const failed: JobHandlers['failed'] = async (_kind, _id, _scope, error) => {
    told.push(error)
  }
  await working({ failed }, async () => {
    await until('the verdict', 5_000, async () => told.length === 1)
  })
  expect(told[0]).toMatchObject({ code: 'internal', message: expect.stringContaining('ended') })
})

test('what the engine stores is a reference', async () => {
  const { rows } = await fresh.db.pool.query<{ inputs: string }>(
    `select inputs from dbos.workflow_input limit 1`,
  )
  const stored = JSON.parse(rows[0]?.inputs ?? '{}').positionalArgs[0]
  expect(Object.keys(stored.job).sort()).toEqual(['id', 'kind', 'scope', 'tenantId'])
})
