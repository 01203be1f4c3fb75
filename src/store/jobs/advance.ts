import type { Clock } from '../../core/clock.ts'
import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Log } from '../log.ts'
import type { Job, JobKind, Turn } from './job.ts'

/** `waitMs` 0: there is more to do, but others may go first. */
export type Progress = { done: true } | { waitMs: number }

/** What one job is given: the row, and a signal on which it should soon return `{ waitMs: 0 }`. */
export interface Advance {
  id: number
  scope: string
  signal: AbortSignal
}

/**
 * Who knows the rows. An advance may be cut off anywhere and done again: it reads from its row what
 * was done, and every commit compares the row's epoch. `failed` is told when a row
 * has failed for good; when it throws it is told again later.
 */
export type JobHandlers = Record<JobKind, (advance: Advance) => Promise<Progress>> & {
  failed(kind: JobKind, id: number, scope: string, error: unknown): Promise<void>
}

export interface TurnOptions {
  handlers: JobHandlers
  clock: Clock
  log: Log
  /** Asks the handlers to yield, because this process stops or lost its jobs. */
  yielding: AbortSignal
  /** How often this turn began before and ended with its process. */
  recoveries: number
}

/** What is to follow a turn: nothing, or another one. */
export type Next = undefined | { turn: Turn; waitMs: number }

/** Advances a row until it is done, must wait for long, or should give way to others. */
export async function runTurn(options: TurnOptions, job: Job, turn: Turn): Promise<Next> {
  const { clock, yielding } = options
  const sliceEnds = clock.now() + limits.jobSliceMs
  let failures = turn.failures
  for (;;) {
    const outcome = await attempt(options, job, failures)
    if (outcome === undefined) return undefined
    failures = outcome.failures
    const long = outcome.waitMs === 0 || outcome.waitMs > limits.jobHoldMs
    if (long || yielding.aborted || clock.now() > sliceEnds) {
      return { turn: { failures, number: turn.number + 1 }, waitMs: outcome.waitMs }
    }
    await clock.sleep(outcome.waitMs, yielding).catch(() => {})
  }
}

interface Outcome {
  waitMs: number
  failures: number
}

async function attempt(
  options: TurnOptions,
  job: Job,
  failures: number,
): Promise<Outcome | undefined> {
  const { handlers, yielding, log } = options
  const signal = AbortSignal.any([yielding, AbortSignal.timeout(limits.jobSliceMs)])
  try {
    if (options.recoveries > limits.jobRecoveriesMax) throw lostTooOften(options.recoveries)
    const progress = await handlers[job.kind]({ id: job.id, scope: job.scope, signal })
    return 'done' in progress ? undefined : { waitMs: progress.waitMs, failures: 0 }
  } catch (error) {
    const code = error instanceof AppError ? error.code : undefined
    // Another advance of the same row has taken over. The engine, which knows one job for both,
    // will take ours for finished all the same; should the other end with its process, nobody would
    // look after the row again, so one more turn does.
    if (code === 'fenced') return { waitMs: limits.heartbeatDeadMs, failures }
    // Cut off by us, not by a fault of the row.
    if (yielding.aborted || (signal.aborted && isAbort(error))) return { waitMs: 0, failures }
    log.warn({ kind: job.kind, id: job.id, failures, error: String(error) }, 'job failed')
    // Our own database is away: no row's fault, and "failed" could not be recorded either.
    if (code === 'unavailable') return { waitMs: limits.jobBackoffMs, failures }
    return fail(options, job, failures + 1, error)
  }
}

async function fail(
  options: TurnOptions,
  job: Job,
  failures: number,
  error: unknown,
): Promise<Outcome | undefined> {
  const waitMs = Math.min(limits.jobBackoffMs * 2 ** (failures - 1), limits.jobBackoffMaxMs)
  const final = failures >= limits.jobAttemptsMax || options.recoveries > limits.jobRecoveriesMax
  if (!final) return { waitMs, failures }
  try {
    await options.handlers.failed(job.kind, job.id, job.scope, error)
    return undefined
  } catch (cause) {
    const about = { kind: job.kind, id: job.id, error: String(cause) }
    options.log.error(about, 'a failed job could not be recorded as failed')
    return { waitMs: limits.jobBackoffMaxMs, failures }
  }
}

function isAbort(error: unknown): boolean {
  if (error instanceof AppError) return error.code === 'cancelled'
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError')
}

function lostTooOften(recoveries: number): AppError {
  return new AppError(
    'internal',
    `The process working on this ended ${recoveries} times while it did, so it is not tried again.`,
  )
}
