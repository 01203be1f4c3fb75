import type { DeliverDependencies } from '../features/alerts/deliver.ts'
import type { SecondDependencies } from '../features/credentials/second.ts'
import type { EndDependencies } from '../features/notifications/endSubscriptions.ts'
import type { Receiver } from '../features/notifications/receiver.ts'
import type { Store } from '../features/operation/store.ts'
import type { OpenIdSettings } from '../features/signIn/openIdSignIn.ts'
import type { Directory } from '../features/tenants/microsoftTenant.ts'
import type { TestConnection } from '../features/tenants/testConnection.ts'
import type { planTransaction } from '../features/transactions/planTransaction.ts'
import type { TransactionEngine } from '../features/transactions/transactions.ts'
import type { BrowserRules } from '../http/browser.ts'
import type { EventFeed } from '../store/eventFeed.ts'
import type { Jobs } from '../store/jobs/jobs.ts'
import type { Log } from '../store/log.ts'
import type { AccessWatch } from './accessWatch.ts'
import type { Metrics } from './metrics.ts'

/** What the features behind the routes need, put together once by the process. */
export interface ServerDependencies {
  store: Store
  /** The engine, as features know it. */
  engine: Parameters<typeof planTransaction>[1] & TransactionEngine
  jobs: Pick<Jobs, 'enqueue'>
  directory: Directory
  testTenant: TestConnection
  /** What a tenant's second credential is tested and changed with, and what alerts leave by. */
  second: SecondDependencies
  alerting: DeliverDependencies
  openGraph: EndDependencies['openGraph']
  feed: EventFeed
  receiver: Receiver
  metrics: Metrics
  log: Log
  version: string
  openId: OpenIdSettings
  browsers: BrowserRules
  pages: Pages
  access: AccessWatch
}

/** What browsers get, as text. */
export interface Pages {
  signIn: { html: string; script: string; style: string }
  consent: string
}
