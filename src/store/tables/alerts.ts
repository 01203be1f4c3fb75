import type { Generated, GeneratedAlways } from 'kysely'
import type { JsonObject } from '../../core/json.ts'
import type { Jsonb } from './jsonb.ts'

export interface AlertTargetTable {
  id: GeneratedAlways<number>
  node_id: number
  node_path: string
  kind: 'mail' | 'webhook'
  address: string
  created_at: Generated<Date>
}

export interface AlertDeliveryTable {
  id: Generated<string>
  target_id: number
  node_path: string
  event_id: number | null
  alert: Jsonb<JsonObject>
  attempts: Generated<number>
  due_at: Date | null
  error: string | null
  created_at: Generated<Date>
}

export interface AlertPlaceTable {
  tx: string
  id: number
}
