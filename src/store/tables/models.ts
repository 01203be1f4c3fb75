import type { Generated, GeneratedAlways } from 'kysely'
import type { Author } from '../../core/actor.ts'
import type { Jsonb } from './jsonb.ts'

export interface ModelTable {
  id: GeneratedAlways<number>
  name: string
  activation_id: number | null
}

export interface ModelVersionTable {
  id: GeneratedAlways<number>
  model_id: number
  number: number
  origin: 'shipped' | 'uploaded'
  text: string
  digest: Buffer
  actor: Jsonb<Author>
  created_at: Generated<Date>
}

export interface ModelActivationTable {
  id: GeneratedAlways<number>
  model_id: number
  version_id: number
  before_id: number | null
  actor: Jsonb<Author>
  at: Generated<Date>
}

export interface ModelColumnTable {
  model_id: number
  name: string
  place: number
  filled_at: Date | null
}
