import type { Generated, GeneratedAlways } from 'kysely'
import type { Author } from '../../core/actor.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Jsonb } from './jsonb.ts'

export interface RunTable {
  id: GeneratedAlways<number>
  tenant_id: number
  node_path: string
  state:
    | 'queued'
    | 'running'
    | 'awaiting-approval'
    | 'succeeded'
    | 'succeeded-with-errors'
    | 'failed'
    | 'cancelled'
  full_list: Generated<boolean>
  actor: Jsonb<Author>
  epoch: Generated<number>
  cancel_asked: Generated<boolean>
  requested_at: Generated<Date>
  started_at: Date | null
  ended_at: Date | null
  error: Jsonb<JsonObject, null>
}

export interface RunModelTable {
  run_id: number
  seq: number
  model_id: number
  version_id: number | null
  node_path: string
  phase: Generated<
    'queued' | 'list' | 'catch-up' | 'delta' | 'removals' | 'held' | 'done' | 'failed'
  >
  listed: Generated<boolean>
  page_seq: Generated<number>
  delta_cursor: string | null
  added: Generated<number>
  updated: Generated<number>
  removed: Generated<number>
  unchanged: Generated<number>
  rejected: Generated<number>
  requests: Generated<number>
  started_at: Date | null
  ended_at: Date | null
  error: Jsonb<JsonObject, null>
}

export interface SyncPageTable {
  run_id: number
  model_id: number
  shard: Generated<number>
  seq: number
  node_path: string
  ids: number[]
  cursor: string | null
}

export interface SyncRejectedTable {
  run_id: number
  model_id: number
  key: string | null
  reason: string
  node_path: string
  at: Generated<Date>
}

export interface RemovalTable {
  run_id: number
  resource_id: number
  model_id: number
  key: string
  node_path: string
  reason: 'reported' | 'absent'
  state: 'due' | 'held' | 'approved' | 'refused' | 'done' | 'disproved'
}

export interface SyncStateTable {
  tenant_id: number
  model_id: number
  version_id: number | null
  node_path: string
  delta_cursor: string | null
  listed_at: Date | null
  synced_at: Date | null
}
