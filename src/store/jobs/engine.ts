import { DBOS, type DLogger } from '@dbos-inc/dbos-sdk'
import { DBOSExecutor } from '@dbos-inc/dbos-sdk/internal/dbos-executor'
import { dbRetryConfig } from '@dbos-inc/dbos-sdk/internal/utils'
import type pg from 'pg'
import type { Clock } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Log } from '../log.ts'
import { engineNames, type Job, type JobKind, type Turn } from './job.ts'

/** How many jobs run at once, of one tenant wherever and in one worker. */
const queueLimits: Record<JobKind, { perTenant: number; perWorker: number }> = {
  // Two syncs of a tenant would read the same objects twice and judge removals by half a list.
  sync: { perTenant: 1, perWorker: 8 },
  // One person's long change does not hold up another's, and a tenant's write limits hold two.
  transaction: { perTenant: 2, perWorker: 16 },
}

export interface EngineOptions {
  pool: pg.Pool
  workerId: string
  log: Log
  clock: Clock
  /** One turn of a job. It may be begun again at any time; `workflowId` stays the same. */
  run(workflowId: string, job: Job, turn: Turn): Promise<void>
}

/**
 * DBOS Transact, of which there is one per process: durable queues that lose nothing and hold
 * their limits exactly. All we ask of it is whose turn it is; what was done stands in our rows, so
 * its steps and sleeps stay unused, and a turn that is begun again reads the row anew.
 */
export async function startEngine(options: EngineOptions): Promise<void> {
  const { application, version, workflow } = engineNames
  DBOS.setConfig({
    name: application,
    // Its own default, a hash of the code, would strand the jobs of the version before.
    applicationVersion: version,
    executorID: options.workerId,
    systemDatabasePool: options.pool,
    runMigrations: false,
    useListenNotify: false,
    logger: loggerFor(options.log, options.clock),
  })
  DBOS.registerWorkflow(
    async ({ job, turn }: { job: Job; turn: Turn }) => {
      await options.run(DBOS.workflowID ?? '', job, turn)
    },
    // Beyond its own limit the engine drops a job silently; ours comes first and is told.
    { name: workflow, maxRecoveryAttempts: limits.jobRecoveriesMax * 10 },
  )
  // By default it looks again after up to a minute when the database was away.
  dbRetryConfig.maxBackoffSec = limits.jobOutageMs / 1000
  await DBOS.launch()
  for (const [kind, { perTenant, perWorker }] of Object.entries(queueLimits)) {
    await DBOS.registerQueue(kind, {
      partitionConcurrency: perTenant,
      workerConcurrency: perWorker,
      minPollingIntervalMs: limits.jobPollMs,
      onConflict: 'always_update',
    })
  }
}

/** Takes no more jobs and waits a while for those that run. */
export async function stopEngine(): Promise<void> {
  await DBOS.shutdown({ workflowCompletionTimeoutMS: limits.jobStopMs, deregister: true })
}

/**
 * Puts the unfinished jobs of these workers back into their queues; what such a worker still does
 * is not recorded any more. DBOS sells this as a service and exports it only internally: the tests
 * with killed processes hold it in place.
 */
export async function recoverJobs(workerIds: string[]): Promise<void> {
  await DBOSExecutor.globalInstance?.recoverPendingWorkflows(workerIds)
}

function loggerFor(log: Log, clock: Clock): DLogger {
  const saidAt = new Map<string, number>()
  /** During an outage it repeats itself ten times a second. */
  const isNew = (text: string) => {
    const now = clock.now()
    const before = saidAt.get(text)
    if (before !== undefined && now - before < limits.jobLogRepeatMs) return false
    if (saidAt.size >= limits.jobLogTexts) saidAt.clear()
    saidAt.set(text, now)
    return true
  }
  const say = (level: 'warn' | 'error') => (entry: unknown) => {
    const text = entry instanceof Error ? entry.message : String(entry)
    if (isNew(text)) log[level]({ engine: text }, 'job engine')
  }
  // Debug and info are routine: which queues it listens to, that it launched.
  return { debug: () => {}, info: () => {}, warn: say('warn'), error: say('error') }
}
