import type { ColumnType, Generated, GeneratedAlways } from 'kysely'
import type { Actor } from '../core/actor.ts'
import type { NodeKind } from '../core/hierarchy.ts'
import type { Change, JsonObject } from '../core/json.ts'

/**
 * The tables as Kysely sees them, one interface per table of `migrations/`. bigint is a number (see
 * database.ts), timestamptz a Date, and jsonb is written as text, `toJsonb(value)`: the driver
 * would send an array as a PostgreSQL array, and what Microsoft sends may hold characters that
 * jsonb refuses.
 */
export interface Tables {
  node: NodeTable
  access_token: AccessTokenTable
  tenant: TenantTable
  connection: ConnectionTable
  certificate: CertificateTable
  master_key: MasterKeyTable
  data_key: DataKeyTable
  secret: SecretTable
  model: ModelTable
  resource: ResourceTable
  resource_data: ResourceDataTable
  link: LinkTable
  resource_change: ResourceChangeTable
  run: RunTable
  run_model: RunModelTable
  sync_page: SyncPageTable
  sync_rejected: SyncRejectedTable
  removal: RemovalTable
  sync_state: SyncStateTable
  transaction: TransactionTable
  transaction_step: TransactionStepTable
  audit: AuditTable
  event: EventTable
  worker: WorkerTable
}

type Jsonb<T, Absent = never> = ColumnType<T | Absent, string | Absent, string | Absent>

export interface NodeTable {
  id: Generated<number>
  parent_id: number | null
  kind: NodeKind
  name: string
  node_path: string
  created_at: Generated<Date>
}

export interface AccessTokenTable {
  id: GeneratedAlways<number>
  name: string
  scope: string
  hash: Buffer
  created_at: Generated<Date>
  expires_at: Date | null
}

export interface TenantTable {
  id: GeneratedAlways<number>
  node_id: number
  node_path: string
  name: string
  microsoft_tenant_id: string
  cloud: string
  below_tenant_id: number | null
  settings: Jsonb<JsonObject>
  version: Generated<number>
  created_at: Generated<Date>
  updated_at: Generated<Date>
}

export interface ConnectionTable {
  tenant_id: number
  wire: string
  node_path: string
  state:
    | 'untested'
    | 'healthy'
    | 'throttled'
    | 'credentials-rejected'
    | 'consent-missing'
    | 'unreachable'
  message: Generated<string>
  report: Jsonb<JsonObject, null>
  checked_at: Date | null
}

export interface CertificateTable {
  id: GeneratedAlways<number>
  node_id: number
  node_path: string
  name: string
  subject: string
  thumbprint: string
  thumbprint_sha256: string
  not_before: Date
  not_after: Date
  public_pem: string
  created_at: Generated<Date>
}

export interface MasterKeyTable {
  id: string
  first_used_at: Generated<Date>
}

export interface DataKeyTable {
  owner: string
  key_id: number
  node_path: string
  master_key_id: string
  wrapped: Buffer
  created_at: Generated<Date>
}

export interface SecretTable {
  owner: string
  field: string
  node_path: string
  key_id: number
  sealed: Buffer
  changed_at: Generated<Date>
}

export interface ModelTable {
  id: GeneratedAlways<number>
  name: string
}

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
  data: Jsonb<JsonObject>
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
  actor: Jsonb<Actor>
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
  node_path: string
  phase: Generated<
    'queued' | 'list' | 'catch-up' | 'delta' | 'removals' | 'held' | 'done' | 'failed'
  >
  listed: Generated<boolean>
  page_seq: Generated<number>
  cursor: string | null
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
  node_path: string
  delta_cursor: string | null
  listed_at: Date | null
  synced_at: Date | null
}

export interface TransactionTable {
  id: GeneratedAlways<number>
  tenant_id: number
  node_path: string
  kind: string
  title: string
  state: 'queued' | 'running' | 'undoing' | 'succeeded' | 'undone' | 'stuck' | 'cancelled'
  actor: Jsonb<Actor>
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

export interface AuditTable {
  id: GeneratedAlways<number>
  at: Generated<Date>
  node_path: string
  actor: Jsonb<Actor>
  action: string
  tenant_id: number | null
  subject: string
  detail: Jsonb<JsonObject>
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

export interface WorkerTable {
  id: string
  started_at: Generated<Date>
  seen_at: Generated<Date>
}
