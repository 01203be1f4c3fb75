import type pg from 'pg'
import type { Clock } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import type { Log } from '../log.ts'

export interface HeartbeatOptions {
  pool: pg.Pool
  workerId: string
  clock: Clock
  log: Log
  heartbeatMs: number
  heartbeatDeadMs: number
  /** Puts the unfinished jobs of these workers back into their queues. */
  recover(workerIds: string[]): Promise<void>
  /** Called when others have taken this worker for dead, after its own jobs were put back. */
  taken(): void
}

/**
 * Says that this worker lives, and gives the jobs of those that no longer say so back to the
 * queues. Until aborted; without the database it goes on trying.
 */
export async function keepAlive(options: HeartbeatOptions, signal: AbortSignal): Promise<void> {
  let sweptAt = options.clock.now()
  while (!signal.aborted) {
    try {
      await beat(options)
      if (options.clock.now() - sweptAt > limits.jobSweepMs) {
        sweptAt = options.clock.now()
        await removeFinished(options.pool)
      }
    } catch (error) {
      options.log.warn({ error: String(error) }, 'worker heartbeat failed')
    }
    await options.clock.sleep(options.heartbeatMs, signal).catch(() => {})
  }
}

async function beat(options: HeartbeatOptions): Promise<void> {
  const { pool, workerId, log } = options
  const { rows } = await pool.query<{ late: boolean }>(
    `update patchbay.worker set seen_at = now()
       from (select seen_at from patchbay.worker where id = $1 for update) before
      where id = $1
     returning now() - before.seen_at > $2 * interval '1 millisecond' as late`,
    [workerId, options.heartbeatDeadMs],
  )
  if (rows[0] === undefined) {
    // First everything of ours goes back, so that what we still do counts for nothing, then we
    // begin anew. The other order would let an advance that is cut off now end as if finished.
    await options.recover([workerId])
    options.taken()
    await registerWorker(pool, workerId)
    log.warn({ workerId }, 'others took this worker for dead; it begins anew')
  }
  // After an outage of the database all look dead: whoever is late itself lets them speak first.
  if (rows[0]?.late !== false) return
  await takeOver(options)
}

export async function registerWorker(pool: pg.Pool, workerId: string): Promise<void> {
  await pool.query(
    `insert into patchbay.worker (id) values ($1) on conflict (id) do update set seen_at = now()`,
    [workerId],
  )
}

export async function forgetWorker(pool: pg.Pool, workerId: string): Promise<void> {
  await pool.query('delete from patchbay.worker where id = $1', [workerId])
}

/**
 * Jobs whose worker has no row any more go back, whoever removed the row and whenever: a worker
 * that dies between the two statements loses nothing.
 */
async function takeOver(options: HeartbeatOptions): Promise<void> {
  const dead = await options.pool.query<{ id: string }>(
    `delete from patchbay.worker
      where seen_at < now() - $1 * interval '1 millisecond' returning id`,
    [options.heartbeatDeadMs],
  )
  if (dead.rows.length > 0) options.log.warn({ workers: dead.rows }, 'workers taken for dead')
  const orphans = await options.pool.query<{ id: string }>(
    `select distinct executor_id as id from dbos.workflow_status
      where status = 'PENDING' and executor_id is not null
        and not exists (select from patchbay.worker where worker.id = executor_id)`,
  )
  if (orphans.rows.length > 0) await options.recover(orphans.rows.map((row) => row.id))
}

/** The engine keeps finished jobs for ever; what happened stands in our own rows. */
async function removeFinished(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ id: string }>(
    `delete from dbos.workflow_status where workflow_uuid in (
       select workflow_uuid from dbos.workflow_status
        where completed_at < (extract(epoch from now()) * 1000)::bigint - $1 limit $2)
     returning workflow_uuid as id`,
    [limits.jobKeepMs, limits.jobSweepRows],
  )
  const ids = rows.map((row) => row.id)
  for (const table of ['workflow_input', 'workflow_output', 'operation_outputs']) {
    await pool.query(`delete from dbos.${table} where workflow_uuid = any($1)`, [ids])
  }
}
