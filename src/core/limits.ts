import { emulatorLimits } from './emulatorLimits.ts'
import { signInLimits } from './signInLimits.ts'

/**
 * Every bound of the product, by name and with its unit. A loop, a body, a wait or a list that
 * grows with what comes from outside takes its limit from here.
 */
export const limits = {
  /** Our API: the largest request body. */
  requestBodyBytes: 1024 * 1024,
  /** Our API: all headers of a request, and all of it, must be there by then (slow senders). */
  requestHeadersMs: 10_000,
  requestMs: 30_000,
  /** Our API: nesting of a body, characters of one path segment still encoded, problems named. */
  requestDepthMax: 32,
  pathSegmentChars: 8_192,
  fieldProblemsMax: 32,
  /** Our API: a body that a service sends us, such as Microsoft's notifications. */
  foreignBodyBytes: 256 * 1024,
  /** Our API: rows a list answers at most, and when nothing is asked. */
  listRowsMax: 1_000,
  listRowsDefault: 100,
  /** Export: objects read at once; two such pages are in memory. */
  exportPageRows: 500,
  /** Counting stops here: at all there are, and at what a filter or a text finds. */
  countRowsMax: 10_000,
  countFoundMax: 1_000,
  /** Lists: rows walked in order for a page of what is found, before all of it is sorted. */
  listWalkRows: 2_000,
  /** Characters of any one string field unless its schema says less. */
  fieldCharsMax: 4_096,
  hierarchyDepthMax: 12,
  /** Egress: rules of one node's list, and ports of one rule. */
  egressRulesMax: 200,
  egressPortsMax: 32,
  /** Models: characters of one file, versions of one model, parsed ones kept, columns ever. */
  modelFileChars: 64 * 1024,
  modelVersionsMax: 1_000,
  modelVersionsKept: 500,
  modelColumnsMax: 24,
  /** Lists: bytes of one value they compare by. 16 of them fit an index entry (2,704 bytes). */
  columnBytes: 128,
  /** Models: rows that get a new column in one commit. */
  fillRows: 1_000,
  /** Filters from outside: comparisons and brackets in all, brackets within brackets. */
  filterPartsMax: 64,
  filterDepthMax: 8,
  /** Lists: the first so many columns are looked into for a text that is sought. */
  searchColumnsMax: 3,

  /** Calls out: one connection attempt, the wait for headers, between chunks, all of it. */
  connectMs: 10_000,
  headersMs: 60_000,
  bodyIdleMs: 30_000,
  exchangeMs: 300_000,
  /**
   * The largest body an answer may have, after decompression; and what all that are being read may
   * hold together before they are read one after the other.
   */
  answerBytes: 24 * 1024 * 1024,
  answersBytes: 12 * 1024 * 1024,
  /**
   * Calls out: connections held open to one origin, how long an idle one is kept, pools of them.
   */
  connectionsPerOrigin: 64,
  keepAliveMs: 30_000,
  dispatchersMax: 500,
  /** Tries of one call (the first included) before its error is handed on. */
  callAttemptsMax: 6,
  backoffFirstMs: 500,
  backoffMaxMs: 60_000,
  /**
   * A Retry-After beyond this is taken as this: a typing error must not stop a tenant for years.
   */
  retryAfterMaxMs: 15 * 60_000,
  /** A longer pause than this is not waited for inside a call: its error says when to come back. */
  callWaitMs: 60_000,
  /** A call that is refused for want of room again and again is given up for later after this. */
  throttledMs: 120_000,
  /** A pause is told to the other processes when it lasts at least this long. */
  pauseToldMs: 1_000,
  /** Calls of one tenant and service that wait for their turn. */
  laneWaitersMax: 10_000,
  /** Of the connections of a process to one service, so many are kept for calls people wait for. */
  callsKeptForPeople: 8,
  /** Kinds of calls whose fastest answer a lane remembers. */
  laneKindsMax: 1_000,
  /** A token is renewed this long before it ends. */
  tokenEarlyMs: 5 * 60_000,
  tokenBytes: 64 * 1024,
  tokenLifeMaxMs: 24 * 60 * 60_000,
  /** Tries of one sign-in, and the longest wait between two of them. */
  tokenAttemptsMax: 3,
  tokenWaitMs: 10_000,
  /** Tokens (and refusals) kept in memory: tenants times services. */
  tokensMax: 10_000,
  /** Credentials that were refused are not tried again in the background before this. */
  credentialRetryMs: 15 * 60_000,
  /** Ends of credentials are read so often; where that failed, again after the other. */
  credentialReadMs: 24 * 60 * 60_000,
  credentialReadAgainMs: 60 * 60_000,
  /** Ends are compared with the days of alerts so often. */
  credentialLookMs: 10_000,
  /** Relationships of delegated administration read of one tenant. */
  gdapMax: 5_000,

  /** Alerts: targets of one node; events looked through and deliveries begun at once. */
  alertTargetsMax: 50,
  alertEventsMax: 500,
  alertsInFlight: 8,
  /** Alerts: tries of one delivery, waits (doubling), what one may take, and keeps others off. */
  alertAttemptsMax: 12,
  alertBackoffFirstMs: 30_000,
  alertBackoffMaxMs: 2 * 60 * 60_000,
  alertSendMs: 30_000,
  alertLeaseMs: 120_000,
  /** Alerts: how long what was delivered is kept. */
  alertKeepMs: 30 * 24 * 60 * 60_000,
  /** Alerts: of a webhook's answer nothing is used. */
  alertAnswerBytes: 64 * 1024,

  /** Sync: how often a model is begun that Microsoft's faults end; the first wait (doubling). */
  modelAttemptsMax: 5,
  modelBackoffMs: 2_000,
  /** Sync: pages of one list or delta before it counts as endless. */
  syncPagesMax: 100_000,
  /** Sync: so many pages in a row that bring nothing new make a list endless. */
  pagesRepeatedMax: 25,
  /** Sync: objects that fail their schema kept with their reason, per run and model. */
  syncRejectedMax: 1_000,
  /** Sync: removals of one model in one run that need no person's yes. */
  removalsWithoutApproval: 10,
  /** Sync: missing objects asked for one by one before they count: half a minute of reading. */
  missingAskedFirst: 1_000,
  /**
   * Sync: how often an object that came or changed within `appearMs` must not be found by its key
   * to count as gone, and the wait before the second look; it doubles.
   */
  goneLooks: 5,
  goneLookMs: 1_000,
  /** Sync: objects whose sub-lists (members of a group) are read at the same time. */
  partReadsInFlight: 8,
  /**
   * Graph: batches sent at the same time, which is as many as a lane lets out; keys of links that
   * one read of sub-lists may bring.
   */
  batchesInFlight: 16,
  linkKeysMax: 1_000_000,
  /** Sync: rows of one shard of a long list, shards of a list, rows that say how to cut it. */
  shardRows: 2_000,
  shardsMax: 64,
  shardSampleRows: 500,
  /** Sync: shards of a list read, and pages of them stored, at the same time. */
  shardsInFlight: 16,
  pageStoresInFlight: 3,
  /**
   * Sync: pages of a list between being asked for and being stored; each takes 2.5 MB.
   * With seven a first import waits for Graph. Sixteen places, of which a page that had come took
   * three, kept 17 pages in memory, and were slower than twelve that are counted alike.
   */
  pagesAheadMax: 10,
  /**
   * Sync: how many of them may be of one shard where objects have lists of their own. With one at a
   * time half of what Graph permits was used; two end at the same moment where answers come late.
   */
  linkedPagesAhead: 3,
  /** Sync: how often one page is stored before what is in its way ends the attempt. */
  pageStoresMax: 3,
  /** Graph's own page maximum for users and groups. */
  graphPageMax: 999,
  /** Graph: a longer list that is asked for by `$skip` is one whose service does not heed it. */
  skipRowsMax: 100_000,
  /** Links to next pages; real ones carry tokens of some thousand characters. */
  linkCharsMax: 16_384,
  /**
   * Values read from a service: characters of one text, items of one list, depth, a key's length.
   */
  textCharsMax: 256 * 1024,
  collectionItemsMax: 20_000,
  valueDepthMax: 16,
  keyCharsMax: 256,

  /** Transactions: objects one transaction changes. */
  transactionStepsMax: 2_000,
  idempotencyKeyChars: 128,
  /** An Idempotency-Key is remembered this long. */
  idempotencyKeepMs: 24 * 60 * 60_000,
  /** Transactions: steps that are under way at the same time. */
  stepsInFlight: 32,
  /**
   * Reading a change back: the wait before the second look (it doubles, up to the other); how long
   * is looked for what may or may not have been done; and how long for what the service has
   * accepted, until every replica shows it.
   */
  settleFirstMs: 500,
  settleWaitMaxMs: 30_000,
  settleMs: 15_000,
  appearMs: 300_000,
  /** Transactions: how often the making of an object is asked for whose answers were lost. */
  createAttemptsMax: 3,

  /** Jobs: a node says that it lives every so often, and is taken for dead after the other. */
  heartbeatMs: 1_000,
  heartbeatDeadMs: 6_000,
  /** Jobs: one advance of a row is asked to yield after this. */
  jobSliceMs: 10 * 60_000,
  /** Jobs: a wait up to this is slept through, a longer one gives the place to another job. */
  jobHoldMs: 2_000,
  /** Jobs: failures in a row before the row is failed, and the waits between them. */
  jobAttemptsMax: 5,
  jobBackoffMs: 1_000,
  jobBackoffMaxMs: 60_000,
  /** Jobs: how often a job may lose its process before it counts as the cause. */
  jobRecoveriesMax: 100,
  /**
   * Jobs: how often a queue is asked, how long a stop waits for handlers, how long rows are kept.
   */
  jobPollMs: 100,
  jobStopMs: 8_000,
  jobKeepMs: 24 * 60 * 60_000,
  /** Jobs: rows removed at once, and how often that is looked at. */
  jobSweepRows: 5_000,
  jobSweepMs: 10 * 60_000,
  /** Jobs: how soon the engine looks again when the database was away. */
  jobOutageMs: 1_000,
  /** Jobs: what the engine says again within this is not logged, of so many texts. */
  jobLogRepeatMs: 30_000,
  jobLogTexts: 100,
  /** Jobs: connections of one worker to the engine's tables. */
  jobPoolMax: 6,

  /** Schedules: of one tenant, and the longest interval (31 days). */
  schedulesPerTenant: 50,
  /** Access: permissions of one profile, roles of one person. */
  permissionsPerProfile: 200,
  grantsPerPerson: 100,
  scheduleMinutesMax: 44_640,
  /**
   * What is due by itself: how often that is looked at, rows taken by one look, how long one that
   * failed is left alone, and how long behind a change its model is synced (Microsoft's delta lags
   * behind by some seconds).
   */
  dueScanMs: 1_000,
  dueRowsMax: 100,
  dueRetryMs: 60_000,
  dueBehindChangeMs: 5_000,

  /** Change notifications: taken from one body, kept until looked into, and how long gathered. */
  notificationItemsMax: 1_000,
  notificationsPending: 10_000,
  notificationGatherMs: 200,
  /**
   * Subscriptions: how long one is asked for (Graph allows 29 days for the directory), how many are
   * seen to by one look, and how long one that failed is left alone.
   */
  subscriptionLifeMs: 3 * 24 * 60 * 60_000,
  subscriptionsAtOnce: 20,
  subscriptionRetryMs: 5 * 60_000,
  /** Notifications: how long the deleting of a tenant waits for its subscriptions to be ended. */
  subscriptionsEndMs: 10_000,

  /** Doctor: free disk below which it fails and warns; when it warns of an end, of a clock. */
  diskFreeLeastBytes: 256 * 1024 * 1024,
  diskFreeLittleBytes: 2 * 1024 * 1024 * 1024,
  certificateSoonMs: 30 * 24 * 60 * 60_000,
  clockOffMs: 5_000,

  /** A server that stops gives the requests it is at this long; the others close behind it. */
  drainMs: 4_000,
  /** A process that was asked to stop has ended by then. */
  stopMs: 10_000,
  /** A process of ours that others wait for has this long to become ready. */
  startMs: 60_000,

  /** Events: rows one read of the outbox answers; how often a stream looks. */
  eventRowsMax: 500,
  eventPollMs: 250,
  /** Events: how often a quiet listening connection is asked whether it still lives. */
  eventCheckMs: 10_000,
  eventStreamMs: 60 * 60_000,
  /** A comment now and then keeps a silent stream open through proxies; streams of one process. */
  eventHeartbeatMs: 15_000,
  eventStreamsMax: 500,
  /** A client whose stream broke: the first wait before it asks again, and how often in a row. */
  eventReconnectMs: 250,
  eventReconnectsMax: 20,
  /** A client that waits for work: how long the server may be away, and the time between looks. */
  outageMs: 60_000,
  outageLookMs: 1_000,
  /** Where progress is not a screen but a log: one line at most this often. */
  progressLineMs: 2_000,

  /** Database: connections of one process, and how long a request waits for one. */
  poolMax: 10,
  poolWaitMs: 5_000,
  /** When to come again where the database could not serve: it is back sooner or much later. */
  unavailableRetryMs: 2_000,
  /** Retention: how often old rows are sought; rows of one commit, commits of one kind, pauses. */
  sweepEveryMs: 10 * 60_000,
  sweepRows: 2_000,
  sweepBatchesMax: 500,
  sweepPauseMs: 50,
  /** Database: how soon it must answer to count as ready. */
  pingMs: 2_000,
  /** Database: one statement, the wait for a row lock, a transaction in which nothing happens. */
  statementMs: 60_000,
  lockWaitMs: 5_000,
  idleInTransactionMs: 10_000,

  /** Embedded PostgreSQL: until it answers, one look, between looks, to leave, to end, its log. */
  embeddedStartMs: 60_000,
  embeddedProbeMs: 5_000,
  embeddedPollMs: 20,
  embeddedLeaveMs: 3_000,
  embeddedStopMs: 30_000,
  embeddedLogBytes: 10 * 1024 * 1024,
  /** Embedded PostgreSQL: how often it is looked whether it still runs. */
  embeddedWatchMs: 1_000,

  ...emulatorLimits,

  /**
   * Vault: what one data key may seal (NIST SP 800-38D: 2^32 random nonces), keys wrapped at once.
   */
  sealsPerKeyMax: 2 ** 32,
  rewrapRows: 100,

  /** Backup: the longest line, which lists every table of the schema. */
  backupLineBytes: 64 * 1024,

  /** Audit: links read at once when chains are followed; heads one verification compares with. */
  auditBatchRows: 2_000,
  auditHeadsMax: 5_000,
  /** Audit: how long one entry stands for the pages of an export; then there is another. */
  auditExportMs: 60 * 60_000,
  /** Audit: characters of what a refused request named. */
  auditNameChars: 64,
  /**
   * Audit: one entry for the use of a token within this; so many for tokens that nobody has, which
   * anybody can send: the rest is counted and told with the next.
   */
  auditSignInMs: 60 * 60_000,
  auditStrangersPerMinute: 30,
  auditSignInsRemembered: 10_000,

  ...signInLimits,

  /**
   * Certificates: how many one import may hold, and what opening a PFX may take of time and memory.
   */
  certificateChainMax: 10,
  /** Certificates: two years, one of them a leap year, and a day for clocks and time zones. */
  certificateDaysMax: 732,
  /** Characters of the certification authorities of one tenant, in PEM. */
  certificateAuthorityChars: 32 * 1024,
  pfxMs: 10_000,
  pfxMemoryMb: 64,

  /** Test Connection: all of its steps together. */
  connectionTestMs: 60_000,
  /**
   * Test Connection: when it is told that nothing comes through a proxy, whatever the cause. Longer
   * than one attempt to connect.
   */
  proxyCheckMs: 12_000,
  /** Test Connection: how many within the window, of one tenant and by one person. */
  connectionTestWindowMs: 60_000,
  connectionTestsPerTenant: 10,
  connectionTestsPerActor: 60,
} as const
