import type { Clock } from '../../core/clock.ts'
import type { Database } from '../../store/database.ts'
import type { Vault } from '../../store/vault.ts'

/** What features keep things in, and the time by which they do. */
export interface Store {
  db: Database
  vault: Vault
  clock: Clock
}
