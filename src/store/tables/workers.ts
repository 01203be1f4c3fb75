import type { Generated } from 'kysely'

export interface WorkerTable {
  id: string
  started_at: Generated<Date>
  seen_at: Generated<Date>
}
