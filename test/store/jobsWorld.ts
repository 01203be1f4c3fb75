import { sql } from 'kysely'
import { AppError } from '../../src/core/errors.ts'
import type { Database } from '../../src/store/database.ts'
import type { JobHandlers } from '../../src/store/jobs/advance.ts'
import { enqueueJob, type JobKind } from '../../src/store/jobs/job.ts'
import { inScope } from '../../src/store/scope.ts'
import { checkEpoch, claimEpoch } from './epoch.ts'
import { systemClock } from './testing.ts'

/**
 * What the jobs of these tests do: a run has as many steps as its tenant's run_model row says
 * (`page_seq` counts them), each leaves one line in the audit in the commit that counts it.
 */
export const scope = '1.2.'
const system = '{"id":"system"}'

export async function addRun(db: Database, tenantId: number): Promise<number> {
  return inScope(db, scope, async (tx) => {
    const run = await tx
      .insertInto('run')
      .values({ tenant_id: tenantId, node_path: scope, state: 'queued', actor: system })
      .returning('id')
      .executeTakeFirstOrThrow()
    await tx
      .insertInto('run_model')
      .values({ run_id: run.id, seq: 1, model_id: 1, node_path: scope })
      .execute()
    await enqueueJob(tx, { kind: 'sync', id: run.id, scope, tenantId })
    return run.id
  })
}

export async function addTransaction(db: Database, tenantId: number): Promise<number> {
  return inScope(db, scope, async (tx) => {
    const row = { tenant_id: tenantId, node_path: scope, kind: 'test', title: '', actor: system }
    const { id } = await tx
      .insertInto('transaction')
      .values({ ...row, state: 'queued', actor_id: 'system', request_hash: Buffer.alloc(0) })
      .returning('id')
      .executeTakeFirstOrThrow()
    await enqueueJob(tx, { kind: 'transaction', id, scope, tenantId })
    return id
  })
}

/** Does one step after another, as an engine would: outside first, then recorded if still ours. */
export function steppingHandlers(
  db: Database,
  worker: string,
  steps: number,
  stepMs: number,
): JobHandlers {
  return {
    sync: async ({ id, signal }) => {
      const epoch = await inScope(db, scope, (tx) => claimEpoch(tx, 'run', id))
      for (;;) {
        // Deaf to the signal on purpose: only the epoch keeps a stopped worker from writing.
        await systemClock.sleep(stepMs)
        const count = await inScope(db, scope, async (tx) => {
          await checkEpoch(tx, 'run', id, epoch)
          const { page_seq } = await tx
            .updateTable('run_model')
            .set({ page_seq: sql`page_seq + 1` })
            .where('run_id', '=', id)
            .returning('page_seq')
            .executeTakeFirstOrThrow()
          await note(tx, id, `${worker}:${page_seq}:${epoch}`)
          if (page_seq >= steps) {
            await tx.updateTable('run').set({ state: 'succeeded' }).where('id', '=', id).execute()
          }
          return page_seq
        })
        if (count >= steps) return { done: true }
        if (signal.aborted) return { waitMs: 0 }
      }
    },
    transaction: async () => {
      throw new AppError('internal', 'These tests give this worker no transactions.')
    },
    failed: async () => {},
  }
}

export async function note(
  tx: Parameters<Parameters<typeof inScope>[2]>[0],
  id: number,
  action: string,
): Promise<void> {
  await tx
    .insertInto('audit')
    .values({ node_path: scope, actor: system, action, subject: String(id), detail: '{}' })
    .execute()
}

export async function notesOf(db: Database, id: number): Promise<string[]> {
  const rows = await inScope(db, scope, (tx) =>
    tx
      .selectFrom('audit')
      .select('action')
      .where('subject', '=', String(id))
      .orderBy('id')
      .execute(),
  )
  return rows.map((row) => row.action)
}

export async function stateOf(db: Database, kind: JobKind, id: number): Promise<string> {
  const table = kind === 'sync' ? 'run' : 'transaction'
  const { rows } = await inScope(db, scope, (tx) =>
    sql<{ state: string }>`select state from ${sql.table(table)} where id = ${id}`.execute(tx),
  )
  return rows[0]?.state ?? 'none'
}

export async function until(
  what: string,
  ms: number,
  look: () => Promise<boolean>,
): Promise<number> {
  const start = Date.now()
  while (Date.now() - start < ms) {
    if (await look()) return Date.now() - start
    await systemClock.sleep(25)
  }
  throw new Error(`${what} did not happen within ${ms} ms`)
}
