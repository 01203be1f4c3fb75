import type { Clock } from '../../core/clock.ts'
import type { Tenant } from '../directory/types.ts'
import type { CallBook } from '../record.ts'
import type { Notifier } from './types.ts'

/** What telling of changes asks of the emulator. */
export interface NotifierState {
  readonly clock: Clock
  readonly tenants: Map<string, Tenant>
  readonly calls: CallBook
  readonly notifier: Notifier
}
