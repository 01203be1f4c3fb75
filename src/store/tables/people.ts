import type { Generated, GeneratedAlways } from 'kysely'
import type { Author, Permission } from '../../core/actor.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Jsonb } from './jsonb.ts'

export interface PersonTable {
  id: GeneratedAlways<number>
  node_id: number
  node_path: string
  login: string
  name: string
  email: string | null
  password_hash: string | null
  oidc_issuer: string | null
  oidc_subject: string | null
  disabled_at: Date | null
  created_at: Generated<Date>
}

export interface SessionTable {
  id: GeneratedAlways<number>
  person_id: number
  hash: Buffer
  created_at: Generated<Date>
  seen_at: Generated<Date>
  idle_ends_at: Date
  ends_at: Date
  ended_at: Date | null
}

export interface AccessTokenTable {
  id: GeneratedAlways<number>
  name: string
  scope: string
  hash: Buffer
  created_at: Generated<Date>
  expires_at: Date | null
  person_id: number | null
  permissions: Jsonb<Permission[], null>
  created_by: Jsonb<Author, null>
  last_used_at: Date | null
  ended_at: Date | null
}

export interface OneTimeSecretTable {
  hash: Buffer
  purpose: 'invitation' | 'oidc' | 'command-line' | 'consent'
  person_id: number | null
  detail: Jsonb<JsonObject>
  expires_at: Date
}

export interface KnownDeviceTable {
  hash: Buffer
  person_id: number
  seen_at: Generated<Date>
}

export interface SignInFailureTable {
  key: Buffer
  failures: number
  failed_at: Date
  open_at: Date
}
