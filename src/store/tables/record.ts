import type { Generated, GeneratedAlways } from 'kysely'
import type { Author } from '../../core/actor.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Jsonb } from './jsonb.ts'

export interface AuditTable {
  id: GeneratedAlways<number>
  at: Generated<Date>
  node_path: string
  actor: Jsonb<Author>
  action: string
  tenant_id: number | null
  subject: string
  detail: Jsonb<JsonObject>
}

export interface AuditSealTable {
  chain: number
  seq: number
  audit_id: number
  node_path: string
  previous: Buffer
  hash: Buffer
}

export interface EventTable {
  id: GeneratedAlways<number>
  tx: Generated<string>
  at: Generated<Date>
  node_path: string
  tenant_id: number | null
  subject: string
  kind: string
  data: Jsonb<JsonObject>
}
