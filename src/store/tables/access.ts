import type { Generated, GeneratedAlways } from 'kysely'
import type { Author, Permission } from '../../core/actor.ts'
import type { NodeKind } from '../../core/hierarchy.ts'
import type { Jsonb } from './jsonb.ts'

export interface AccessProfileTable {
  id: GeneratedAlways<number>
  name: string
  description: Generated<string>
  origin: 'shipped' | 'own'
  permissions: Jsonb<Permission[]>
  created_at: Generated<Date>
  updated_at: Generated<Date>
}

export interface RoleTable {
  id: GeneratedAlways<number>
  name: string
  profile_id: number
  kind: Exclude<NodeKind, 'intermediate'>
  origin: 'shipped' | 'own'
  created_at: Generated<Date>
}

export interface RoleGrantTable {
  id: GeneratedAlways<number>
  person_id: number
  role_id: number
  node_id: number
  node_path: string
  granted_by: Jsonb<Author>
  granted_at: Generated<Date>
}
