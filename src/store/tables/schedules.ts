import type { Generated, GeneratedAlways } from 'kysely'
import type { Author } from '../../core/actor.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Jsonb } from './jsonb.ts'

export interface ScheduleTable {
  id: GeneratedAlways<number>
  tenant_id: number
  node_path: string
  name: string
  models: (string | null)[]
  full_list: boolean
  every_minutes: number | null
  cron: string | null
  time_zone: string
  actor: Jsonb<Author>
  paused_why: string | null
  due_at: Date | null
  last_due_at: Date | null
  last_run_id: number | null
  created_at: Generated<Date>
}

export interface SyncDueTable {
  tenant_id: number
  model_id: number
  node_path: string
  due_at: Date
  cause: string
  actor: Jsonb<Author>
}

export interface SyncRuleTable {
  tenant_id: number
  model_id: number
  node_path: string
  disabled: (string | null)[]
}

export interface SubscriptionTable {
  id: GeneratedAlways<number>
  tenant_id: number
  model_id: number
  node_path: string
  foreign_id: string | null
  client_state_hash: Buffer | null
  expires_at: Date | null
  act_at: Date
  error: Jsonb<JsonObject, null>
}
