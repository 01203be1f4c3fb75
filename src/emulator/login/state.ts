import type { Clock, Random } from '../../core/clock.ts'
import type { Tenant } from '../directory/types.ts'
import type { TokenKeys } from './keys.ts'

/** What sign-in asks of the emulator. */
export interface LoginState {
  readonly clock: Clock
  readonly tenants: ReadonlyMap<string, Tenant>
  readonly keys: TokenKeys
  readonly random: Random
}
