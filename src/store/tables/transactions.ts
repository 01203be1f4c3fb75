import type { Generated, GeneratedAlways } from 'kysely'
import type { Author } from '../../core/actor.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Jsonb } from './jsonb.ts'

export interface TransactionTable {
  id: GeneratedAlways<number>
  tenant_id: number
  node_path: string
  kind: string
  title: string
  state: 'queued' | 'running' | 'undoing' | 'succeeded' | 'undone' | 'stuck' | 'cancelled'
  actor: Jsonb<Author>
  actor_id: string
  idempotency_key: string | null
  request_hash: Buffer
  undoes: number | null
  replays: number | null
  epoch: Generated<number>
  cancel_asked: Generated<boolean>
  requested_at: Generated<Date>
  started_at: Date | null
  ended_at: Date | null
  error: Jsonb<JsonObject, null>
}

export interface TransactionStepTable {
  transaction_id: number
  seq: number
  node_path: string
  kind: string
  title: string
  input: Jsonb<JsonObject>
  state: Generated<'waiting' | 'doing' | 'done' | 'undoing' | 'undone' | 'stuck' | 'skipped'>
  before: Jsonb<JsonObject, null>
  after: Jsonb<JsonObject, null>
  attempts: Generated<number>
  started_at: Date | null
  ended_at: Date | null
  error: Jsonb<JsonObject, null>
}
