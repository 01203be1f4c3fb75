import type { Generated } from 'kysely'

export interface MasterKeyTable {
  id: string
  first_used_at: Generated<Date>
  current: Generated<boolean>
}

export interface DataKeyTable {
  owner: string
  key_id: number
  node_path: string
  master_key_id: string
  wrapped: Buffer
  created_at: Generated<Date>
  seals: Generated<number>
}

export interface SecretTable {
  owner: string
  field: string
  node_path: string
  key_id: number
  sealed: Buffer
  changed_at: Generated<Date>
}
