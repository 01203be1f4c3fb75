import { sql } from 'kysely'
import type { Database } from '../../store/database.ts'
import type { Tx } from '../../store/scope.ts'

export interface JobRow {
  kind: 'sync' | 'transaction'
  id: number
  tenantId: number
  state: string
  requestedAt: Date
}

export async function selectJobs(tx: Tx, limit: number): Promise<JobRow[]> {
  const { rows } = await sql<JobRow>`
    select 'sync' as kind, id, tenant_id as "tenantId", state, requested_at as "requestedAt"
    from run where state in ('queued', 'running')
    union all
    select 'transaction', id, tenant_id, state, requested_at
    from transaction where state in ('queued', 'running', 'undoing')
    order by "requestedAt" limit ${limit}`.execute(tx)
  return rows
}

export interface WorkerRow {
  id: string
  startedAt: Date
  seenAt: Date
}

export async function selectWorkers(db: Database): Promise<WorkerRow[]> {
  const { rows } = await sql<WorkerRow>`
    select id, least(started_at, seen_at) as "startedAt", seen_at as "seenAt" from worker order by id`.execute(
    db.kysely,
  )
  return rows
}
