import { expect, test } from 'vitest'
import type { Clock } from '../../core/clock.ts'
import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { type Advance, type JobHandlers, type Progress, runTurn } from './advance.ts'
import type { Job, Turn } from './job.ts'

const job: Job = { kind: 'sync', id: 7, scope: '1.', tenantId: 1 }
const log = { info: () => {}, warn: () => {}, error: () => {} }

/** Turns one after another, as the engine runs them, on a clock that jumps over every wait. */
async function runTurns(
  sync: (advance: Advance, time: number) => Promise<Progress>,
  options: { failed?: JobHandlers['failed']; recoveries?: number; turnsMax?: number } = {},
) {
  let time = 0
  const clock: Clock = {
    now: () => time,
    sleep: async (ms) => {
      time += ms
    },
  }
  const told: unknown[] = []
  const handlers: JobHandlers = {
    sync: (advance) => sync(advance, time),
    transaction: async () => ({ done: true }),
    failed: options.failed ?? (async (...about) => void told.push(about)),
  }
  let turn: Turn = { failures: 0, number: 0 }
  const waits: number[] = []
  const yielding = new AbortController()
  const recoveries = options.recoveries ?? 0
  while (turn.number < (options.turnsMax ?? 50)) {
    const next = await runTurn(
      { handlers, clock, log, yielding: yielding.signal, recoveries },
      job,
      turn,
    )
    if (next === undefined) return { told, waits, time, ended: true }
    expect(next.turn.number).toBe(turn.number + 1)
    waits.push(next.waitMs)
    time += next.waitMs
    turn = next.turn
  }
  return { told, waits, time, ended: false }
}

test('a row that keeps failing is told so once, after growing waits', async () => {
  const at: number[] = []
  const { told, ended } = await runTurns(async (_advance, time) => {
    at.push(time)
    throw new AppError('microsoft-refused', `try ${at.length}`)
  })
  expect(at).toHaveLength(limits.jobAttemptsMax)
  const gaps = at.slice(1).map((time, index) => time - (at[index] ?? 0))
  expect(gaps).toEqual([1, 2, 4, 8].map((factor) => factor * limits.jobBackoffMs))
  const error = expect.objectContaining({ message: `try ${limits.jobAttemptsMax}` })
  expect(told).toEqual([['sync', 7, '1.', error]])
  expect(ended).toBe(true)
})

test('progress in between makes the failures count anew', async () => {
  let count = 0
  const { told } = await runTurns(async () => {
    count++
    if (count % limits.jobAttemptsMax !== 0) throw new Error('no')
    return count > 30 ? { done: true } : { waitMs: 5 }
  })
  expect(told).toEqual([])
})

test('an outage of our own database costs no attempt, and ends when it ends', async () => {
  let count = 0
  const { told, ended } = await runTurns(async () => {
    count++
    if (count <= 30) throw new AppError('unavailable', 'away')
    return { done: true }
  })
  expect({ told, ended }).toEqual({ told: [], ended: true })
})

test('when the end cannot be recorded it is tried again later, without the row being lost', async () => {
  let refusals = 3
  const { ended } = await runTurns(
    async () => {
      throw new Error('no')
    },
    {
      failed: async () => {
        if (refusals-- > 0) throw new Error('cannot write')
      },
    },
  )
  expect({ ended, refusals }).toEqual({ ended: true, refusals: -1 })
})

test('short waits are slept through, long ones and giving way end the turn', async () => {
  const answers: Progress[] = [
    { waitMs: limits.jobHoldMs },
    { waitMs: limits.jobHoldMs + 1 },
    { waitMs: 0 },
    { waitMs: 1 },
    { done: true },
  ]
  const { waits } = await runTurns(async () => answers.shift() ?? { done: true })
  expect(waits).toEqual([limits.jobHoldMs + 1, 0])
})

test('short waits do not keep the place for ever', async () => {
  const { waits } = await runTurns(async () => ({ waitMs: limits.jobHoldMs }), { turnsMax: 3 })
  expect(waits).toHaveLength(3)
})

test('a row that lost its process too often is failed without another try', async () => {
  let tried = 0
  const { told } = await runTurns(
    async () => {
      tried++
      return { done: true }
    },
    { recoveries: limits.jobRecoveriesMax + 1 },
  )
  expect(tried).toBe(0)
  expect(told).toHaveLength(1)
})

// Fails when a turn that was fenced is the last one: the engine has then recorded the job as done,
// and should the one who took over end with its process, the row stands still for ever.
test('one who was fenced leaves a turn behind that looks whether the row goes on', async () => {
  let tries = 0
  const { told, waits, ended } = await runTurns(async () => {
    tries += 1
    if (tries === 1) throw new AppError('fenced', 'taken over')
    return { done: true }
  })
  expect({ tries, told, ended }).toEqual({ tries: 2, told: [], ended: true })
  expect(waits).toEqual([limits.heartbeatDeadMs])
})
