import type { AccessProfileTable, RoleGrantTable, RoleTable } from './access.ts'
import type { AlertDeliveryTable, AlertPlaceTable, AlertTargetTable } from './alerts.ts'
import type {
  CredentialLookTable,
  CredentialRefusalTable,
  CredentialTable,
  CredentialToldTable,
  SecondCredentialTable,
} from './credentials.ts'
import type { EgressPolicyTable } from './egress.ts'
import type { CertificateTable, ConnectionTable, NodeTable, TenantTable } from './hierarchy.ts'
import type {
  ModelActivationTable,
  ModelColumnTable,
  ModelTable,
  ModelVersionTable,
} from './models.ts'
import type { PauseTable } from './pauses.ts'
import type {
  AccessTokenTable,
  KnownDeviceTable,
  OneTimeSecretTable,
  PersonTable,
  SessionTable,
  SignInFailureTable,
} from './people.ts'
import type { AuditSealTable, AuditTable, EventTable } from './record.ts'
import type {
  LinkTable,
  ResourceChangeTable,
  ResourceDataTable,
  ResourceTable,
} from './resources.ts'
import type { EventSweptTable, RetentionTable } from './retention.ts'
import type { ScheduleTable, SubscriptionTable, SyncDueTable, SyncRuleTable } from './schedules.ts'
import type { SyncScopeTable } from './scopes.ts'
import type {
  RemovalTable,
  RunModelTable,
  RunTable,
  SyncPageTable,
  SyncRejectedTable,
  SyncStateTable,
} from './syncs.ts'
import type { TransactionStepTable, TransactionTable } from './transactions.ts'
import type { DataKeyTable, MasterKeyTable, SecretTable } from './vault.ts'
import type { WorkerTable } from './workers.ts'

/**
 * The tables as Kysely sees them, one interface per table of `migrations/`. bigint is a number (see
 * database.ts), timestamptz a Date, and jsonb is written as text, `toJsonb(value)`: the driver
 * would send an array as a PostgreSQL array, and what Microsoft sends may hold characters that
 * jsonb refuses.
 */
export interface Tables {
  node: NodeTable
  person: PersonTable
  session: SessionTable
  access_token: AccessTokenTable
  one_time_secret: OneTimeSecretTable
  known_device: KnownDeviceTable
  sign_in_failure: SignInFailureTable
  access_profile: AccessProfileTable
  role: RoleTable
  role_grant: RoleGrantTable
  tenant: TenantTable
  connection: ConnectionTable
  certificate: CertificateTable
  egress_policy: EgressPolicyTable
  master_key: MasterKeyTable
  data_key: DataKeyTable
  secret: SecretTable
  model: ModelTable
  model_version: ModelVersionTable
  model_activation: ModelActivationTable
  model_column: ModelColumnTable
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
  schedule: ScheduleTable
  sync_due: SyncDueTable
  sync_rule: SyncRuleTable
  sync_scope: SyncScopeTable
  subscription: SubscriptionTable
  transaction: TransactionTable
  transaction_step: TransactionStepTable
  audit: AuditTable
  audit_seal: AuditSealTable
  event: EventTable
  event_swept: EventSweptTable
  retention: RetentionTable
  credential: CredentialTable
  credential_look: CredentialLookTable
  credential_told: CredentialToldTable
  credential_refusal: CredentialRefusalTable
  second_credential: SecondCredentialTable
  alert_target: AlertTargetTable
  alert_delivery: AlertDeliveryTable
  alert_place: AlertPlaceTable
  worker: WorkerTable
  pause: PauseTable
}
