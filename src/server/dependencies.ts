import type { Receiver } from '../features/notifications/receiver.ts'
import type { Store } from '../features/operation/store.ts'
import type { Directory } from '../features/tenants/microsoftTenant.ts'
import type { TestConnection } from '../features/tenants/testConnection.ts'
import type { planTransaction } from '../features/transactions/planTransaction.ts'
import type { TransactionEngine } from '../features/transactions/transactions.ts'
import type { EventFeed } from '../store/eventFeed.ts'
import type { Jobs } from '../store/jobs/jobs.ts'
import type { Log } from '../store/log.ts'
import type { Metrics } from './metrics.ts'

/** What the features behind the routes need, put together once by the process. */
export interface ServerDependencies {
  store: Store
  /** The engine, as features know it. */
  engine: Parameters<typeof planTransaction>[1] & TransactionEngine
  jobs: Pick<Jobs, 'enqueue'>
  directory: Directory
  testTenant: TestConnection
  feed: EventFeed
  receiver: Receiver
  metrics: Metrics
  log: Log
  version: string
}
