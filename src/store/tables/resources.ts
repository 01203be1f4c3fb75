import type { Generated, GeneratedAlways } from 'kysely'
import type { Change, JsonObject } from '../../core/json.ts'
import type { Jsonb, JsonText } from './jsonb.ts'

export interface ResourceTable {
  tenant_id: number
  model_id: number
  key: string
  id: GeneratedAlways<number>
  node_path: string
  name: string
  cols: (string | null)[]
  hash: Buffer
  changed_at: Generated<Date>
  removed_at: Date | null
}

export interface ResourceDataTable {
  tenant_id: number
  id: number
  node_path: string
  data: JsonText<JsonObject>
}

export interface LinkTable {
  tenant_id: number
  kind: string
  from_key: string
  to_key: string
  node_path: string
}

export interface ResourceChangeTable {
  tenant_id: number
  id: number
  at: Generated<Date>
  node_path: string
  cause: string
  patch: Jsonb<Change[]>
}
