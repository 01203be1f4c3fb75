import type { Generated } from 'kysely'
import type { Jsonb } from './jsonb.ts'

/** One line of an allow-list; `src/net/policy.ts` says what it means. */
interface Rule {
  target: string
  ports: 'usual' | 'any' | readonly number[]
}

export interface EgressPolicyTable {
  node_id: number
  node_path: string
  rules: Jsonb<readonly Rule[]>
  updated_at: Generated<Date>
}
