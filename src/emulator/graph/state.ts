import type { LoginState } from '../login/state.ts'
import type { Notifier } from '../notifications/types.ts'
import type { TokenKey } from '../odata/pageToken.ts'

/** What Graph asks of the emulator: beside what it knows for itself, who issued a token. */
export interface GraphState extends LoginState {
  readonly pageKey: TokenKey
  /** What is left of budgets, by what they count and whose they are. */
  readonly buckets: Map<string, Bucket>
  readonly notifier: Notifier
}

/** A token bucket: what was left of a budget at a time. */
export interface Bucket {
  left: number
  at: number
}
