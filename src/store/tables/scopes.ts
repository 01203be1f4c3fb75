import type { Filter } from '../../core/filter.ts'
import type { Jsonb } from './jsonb.ts'

export interface SyncScopeTable {
  tenant_id: number
  model_id: number
  node_path: string
  filter: Jsonb<Filter>
}
