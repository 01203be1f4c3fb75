import pg from 'pg'
import type { Clock } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Database } from '../database.ts'
import type { Tx } from '../scope.ts'
import { type JobHandlers, runTurn } from './advance.ts'
import { recoverJobs, startEngine, stopEngine } from './engine.ts'
import { forgetWorker, keepAlive, registerWorker } from './heartbeat.ts'
import { enqueueJob, enqueueTurn, type Job, type Turn } from './job.ts'

export interface JobsOptions {
  db: Database
  /** Unlike that of any other process, running or past. */
  workerId: string
  handlers: JobHandlers
  clock: Clock
  /** For tests, which cannot wait for as long as `limits` says. */
  heartbeatMs?: number
  heartbeatDeadMs?: number
}

/** Everything the product knows of its job engine. */
export interface Jobs {
  enqueue(tx: Tx, job: Job): Promise<void>
  /** Begins to work on jobs; a process that only enqueues does not call it. Once per process. */
  start(): Promise<void>
  /** Takes no more jobs, asks those that run to yield, and leaves the rest to others. */
  stop(): Promise<void>
}

export function createJobs(options: JobsOptions): Jobs {
  let stopWorker: (() => Promise<void>) | undefined
  return {
    enqueue: enqueueJob,
    start: async () => {
      stopWorker = await startWorker(options)
    },
    stop: async () => {
      await stopWorker?.()
      stopWorker = undefined
    },
  }
}

async function startWorker(options: JobsOptions): Promise<() => Promise<void>> {
  const { db, workerId, handlers, clock } = options
  const { log } = db
  const pool = openEnginePool(db)
  const stopping = new AbortController()
  let lost = new AbortController()

  const run = async (workflowId: string, job: Job, turn: Turn) => {
    const lostNow = lost.signal
    const yielding = AbortSignal.any([stopping.signal, lostNow])
    // Nothing may be thrown here: to the engine an error is the end of the job.
    const recoveries = await untilDone(clock, stopping.signal, () =>
      countRecoveries(pool, workflowId),
    )
    const next = await runTurn({ handlers, clock, log, yielding, recoveries }, job, turn)
    // Lost: another worker has this very job already and adds its next turn itself.
    if (next === undefined || lostNow.aborted) return
    await untilDone(clock, stopping.signal, () =>
      enqueueTurn(pool, job, workflowId, next.turn, next.waitMs),
    )
  }

  await registerWorker(pool, workerId)
  await startEngine({ pool, workerId, log, clock, run })
  const beating = new AbortController()
  const alive = keepAlive(
    {
      ...{ pool, workerId, clock, log, recover: recoverJobs },
      heartbeatMs: options.heartbeatMs ?? limits.heartbeatMs,
      heartbeatDeadMs: options.heartbeatDeadMs ?? limits.heartbeatDeadMs,
      taken: () => {
        lost.abort()
        lost = new AbortController()
      },
    },
    beating.signal,
  )
  return async () => {
    stopping.abort()
    await stopEngine()
    beating.abort()
    await alive
    await forgetWorker(pool, workerId).catch(() => {})
    await pool.end()
  }
}

/** The engine's own connections: it must not wait for ours, nor ours for it. */
function openEnginePool(db: Database): pg.Pool {
  const pool = new pg.Pool({
    connectionString: db.url.reveal(),
    application_name: 'patchbay jobs',
    max: limits.jobPoolMax,
    connectionTimeoutMillis: limits.poolWaitMs,
    statement_timeout: limits.statementMs,
    query_timeout: limits.statementMs,
    idle_in_transaction_session_timeout: limits.idleInTransactionMs,
  })
  pool.on('error', () => {})
  return pool
}

async function countRecoveries(pool: pg.Pool, workflowId: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select (recovery_attempts - 1)::int as count from dbos.workflow_status
      where workflow_uuid = $1`,
    [workflowId],
  )
  return rows[0]?.count ?? 0
}

/**
 * Tries until it works. When this process stops first, the turn stays unfinished for ever: to the
 * engine that is a job to recover, while an error would be its end.
 */
async function untilDone<T>(
  clock: Clock,
  stopping: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch {
      if (stopping.aborted) await new Promise(() => {})
      await clock.sleep(limits.jobBackoffMs, stopping).catch(() => {})
    }
  }
}
