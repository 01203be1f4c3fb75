import type { Tx } from '../scope.ts'

/** What a job advances: a row of `run` or of `transaction`. Also the name of the kind's queue. */
export const jobKinds = ['sync', 'transaction'] as const
export type JobKind = (typeof jobKinds)[number]

/** A reference and nothing else: the engine stores it in the clear, and the row knows the rest. */
export interface Job {
  kind: JobKind
  id: number
  scope: string
  tenantId: number
}

/** How often the job failed in a row, and the place of this turn among those of one enqueueing. */
export interface Turn {
  failures: number
  number: number
}

/** Names under which the engine knows us; they are stored with every job, so they never change. */
export const engineNames = { application: 'patchbay', version: '1', workflow: 'advance' } as const

interface Queryable {
  query(text: string, values: unknown[]): Promise<unknown>
}

/** Without an id of its own a job is named after its row and the transaction that enqueues it. */
const enqueueSql = `select dbos.enqueue_workflow(
  workflow_name => $1, app_version => $2, application_name => $3,
  queue_name => $4, queue_partition_key => $5, positional_args => array[$6]::json[],
  workflow_id => coalesce($7, $4 || ':' || $8 || ':' || pg_current_xact_id()),
  delay_until_epoch_ms =>
    case when $9 > 0 then (extract(epoch from clock_timestamp()) * 1000)::bigint + $9::bigint end)`

/**
 * Hands a row to the workers, in the caller's transaction: the row's change to "queued" and this
 * are one commit. Call it only on that change; a row enqueued twice is advanced twice, and the
 * later advance fences the earlier one.
 */
export async function enqueueJob(tx: Tx, job: Job): Promise<void> {
  await enqueue(tx.client, job, null, { failures: 0, number: 0 }, 0)
}

/**
 * The next turn of a job after a wait. Its id follows from that of the present turn, so that a
 * turn which is done again after a crash does not add a second one.
 */
export async function enqueueTurn(
  connection: Queryable,
  job: Job,
  presentId: string,
  turn: Turn,
  waitMs: number,
): Promise<void> {
  const first = presentId.split(':').slice(0, 3).join(':')
  await enqueue(connection, job, `${first}:${turn.number}`, turn, waitMs)
}

async function enqueue(
  connection: Queryable,
  job: Job,
  workflowId: string | null,
  turn: Turn,
  waitMs: number,
): Promise<void> {
  const { workflow, version, application } = engineNames
  const place = [job.kind, String(job.tenantId), JSON.stringify({ job, turn })]
  await connection.query(enqueueSql, [
    ...[workflow, version, application],
    ...place,
    ...[workflowId, String(job.id), Math.round(waitMs)],
  ])
}
