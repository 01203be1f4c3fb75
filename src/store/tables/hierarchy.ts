import type { Generated, GeneratedAlways } from 'kysely'
import type { NodeKind } from '../../core/hierarchy.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Jsonb } from './jsonb.ts'

export interface NodeTable {
  id: Generated<number>
  parent_id: number | null
  kind: NodeKind
  name: string
  node_path: string
  created_at: Generated<Date>
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
    | 'blocked'
    | 'unlicensed'
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
