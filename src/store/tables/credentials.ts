import type { Generated, GeneratedAlways } from 'kysely'
import type { JsonObject } from '../../core/json.ts'
import type { Jsonb } from './jsonb.ts'

export interface CredentialTable {
  id: GeneratedAlways<number>
  tenant_id: number
  node_path: string
  kind: 'secret' | 'gdap'
  foreign_id: string
  name: string
  used: boolean
  extends: Generated<boolean>
  ends_at: Date
  source: 'microsoft' | 'given'
  read_at: Date
}

export interface CredentialLookTable {
  tenant_id: number
  node_path: string
  due_at: Date
  unreadable: string | null
}

export interface CredentialToldTable {
  subject: string
  ends_at: Date
  node_path: string
  days: number
}

export interface CredentialRefusalTable {
  tenant_id: number
  version: string
  node_path: string
  error: Jsonb<JsonObject>
  quiet_until: Date
}

export interface SecondCredentialTable {
  tenant_id: number
  node_path: string
  version: string
  tested_at: Date
  stepped_in_at: Date | null
}
