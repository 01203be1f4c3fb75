import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { AppError } from '../core/errors.ts'
import type { Sealed } from '../core/secret.ts'
import type { Engine } from '../engine/engine.ts'
import { fillColumns } from '../engine/models/versions/fill.ts'
import { advanceSync } from '../engine/sync/advanceSync.ts'
import { failSync } from '../engine/sync/failSync.ts'
import { advanceTransaction } from '../engine/transaction/advanceTransaction.ts'
import { failTransaction } from '../engine/transaction/failTransaction.ts'
import { deliverAlerts } from '../features/alerts/deliver.ts'
import { gatherAlerts } from '../features/alerts/gather.ts'
import { readDueEnds } from '../features/credentials/ends/read.ts'
import { createEndTeller } from '../features/credentials/ends/tell.ts'
import { rootPath } from '../features/hierarchy/root.ts'
import { keepSubscriptions } from '../features/notifications/keep.ts'
import { createReceiver } from '../features/notifications/receiver.ts'
import type { Store } from '../features/operation/store.ts'
import { queueMarked, queueScheduled } from '../features/schedules/dueScan.ts'
import { createOpenIdClient } from '../features/signIn/openId.ts'
import { ensureAdministrator, findActorAgain } from '../server/access.ts'
import { createAccessWatch } from '../server/accessWatch.ts'
import type { ServerDependencies } from '../server/dependencies.ts'
import { createMetrics } from '../server/metrics.ts'
import { createHealthServer, createServer } from '../server/server.ts'
import { openDatabase } from '../store/database.ts'
import { startWatchedEmbedded } from '../store/embeddedWatch.ts'
import { createEventFeed } from '../store/eventFeed.ts'
import { createJobs, type Jobs } from '../store/jobs/jobs.ts'
import type { Log } from '../store/log.ts'
import { createSweep } from '../store/retention.ts'
import { createVault } from '../store/vault.ts'
import { adminTokenFile, makeDataDir, writeSecretFile } from './dataDir.ts'
import { masterKeysOf } from './masterKeys.ts'
import { readPages } from './pages.ts'
import { startScan } from './scan.ts'
import type { Settings } from './settings.ts'
import { readVersion } from './version.ts'
import { createWayOut, type WayOut } from './wayOut.ts'

export interface RunningPatchbay {
  /** Where it listens; undefined for a worker without a port. */
  url: string | undefined
  /** Stops accepting, hands back work, and lets go of everything. */
  close(): Promise<void>
}

/** What is to be let go at the end, in the reverse order. */
type Closers = (() => Promise<unknown>)[]

/** Starts what the settings say. When a part does not start, those before it are closed again. */
export async function startPatchbay(
  settings: Settings,
  clock: Clock,
  log: Log,
): Promise<RunningPatchbay> {
  const closers: Closers = []
  const close = async () => {
    for (let last = closers.pop(); last; last = closers.pop()) {
      await last().catch((error: unknown) => log.error({ error: String(error) }, 'closing failed'))
    }
  }
  try {
    return { url: await startParts(settings, clock, log, closers), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function startParts(settings: Settings, clock: Clock, log: Log, closers: Closers) {
  const { role } = settings
  await makeDataDir(settings.dataDir)
  const store = await openStore(settings, clock, log, closers)
  const metrics = createMetrics()
  const wayOut = await createWayOut(settings, store, log, metrics)
  closers.push(() => wayOut.close())
  const { engine } = wayOut
  const jobs = createWork(engine, store)
  const version = await readVersion()
  const feed = createEventFeed(store.db, clock)
  closers.push(() => feed.close())
  const receiver = createReceiver(store, log)
  closers.push(() => receiver.close())
  const access = createAccessWatch(store)
  closers.push(() => access.close())
  const parts = {
    ...{ ...wayOut, store, jobs, feed, receiver, metrics, log, version, access },
    ...(await wayIn(settings, wayOut)),
  }
  const server = createServerFor(settings, parts)
  const url = server && (await listen(server, settings))
  // Together: a slow request must not keep running jobs from being handed back in time.
  closers.push(() => Promise.all([server?.close(), jobs.stop()]))
  if (role !== 'api') {
    await jobs.start()
    startScans(settings, parts, closers)
  }
  log.info(
    { role, url, version, models: (await engine.models.current()).length },
    'patchbay is ready',
  )
  return url
}

/** Several, so that neither a Microsoft nor a mailbox that does not answer holds up a schedule. */
function startScans(
  { publicUrl }: Settings,
  { store, jobs, engine, openGraph, openEntrance, alerting, log }: ServerDependencies & WayOut,
  closers: Closers,
): void {
  const { models } = engine
  const actorNow = (actorId: string) => findActorAgain(store, actorId)
  const due = { store, jobs, models, actorNow, log }
  const about = { clock: store.clock, log }
  const schedules = startScan(about, 'schedules', async () => {
    await queueScheduled(due)
    await queueMarked(due)
  })
  const subscriptions = startScan(about, 'subscriptions', (signal) =>
    keepSubscriptions({ store, models, publicUrl, openGraph, log }, signal),
  )
  const sweepOld = createSweep(store.db, store.clock)
  const upkeep = startScan(about, 'upkeep', async (signal) => {
    await fillColumns(store.db, models, rootPath, signal)
    await sweepOld(signal)
  })
  const credentials = startScan(about, 'credentials', (signal) =>
    readDueEnds({ store, open: openEntrance, log }, signal),
  )
  const tellEnds = createEndTeller(store)
  const alerts = startScan(about, 'alerts', async (signal) => {
    await tellEnds()
    await gatherAlerts(store)
    await deliverAlerts(alerting, signal)
  })
  const scans = [schedules, subscriptions, upkeep, credentials, alerts]
  closers.push(() => Promise.all(scans.map((scan) => scan.stop())))
}

/** How people get in, besides with tokens. */
async function wayIn(
  { openIdProviders: providers, publicUrl: publicOrigin, isTrustedProxy }: Settings,
  { exchange }: WayOut,
): Promise<Pick<ServerDependencies, 'openId' | 'browsers' | 'pages'>> {
  return {
    openId: { providers, publicOrigin, client: createOpenIdClient(exchange) },
    browsers: { publicOrigin, isTrustedProxy },
    pages: await readPages(),
  }
}

async function listen(
  server: ReturnType<typeof createServer>,
  { host, port }: Settings,
): Promise<string> {
  try {
    return await server.listen({ host, port })
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new AppError(
      'unavailable',
      `Patchbay cannot listen on ${host} port ${port} (${code}). Choose another with --host and --port, or end what listens there.`,
      { cause },
    )
  }
}

/** A worker answers for its health only, and only on a port it was given. */
function createServerFor(settings: Settings, parts: ServerDependencies) {
  if (settings.role !== 'worker') return createServer(parts)
  return settings.portGiven ? createHealthServer(parts) : undefined
}

function createWork(engine: Engine, store: Store): Jobs {
  return createJobs({
    db: store.db,
    clock: store.clock,
    // Unlike that of any process before: a job's former worker must never look alive.
    workerId: `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`,
    handlers: {
      sync: (job) => advanceSync(engine, job),
      transaction: (job) => advanceTransaction(engine, job),
      failed: (kind, id, scope, error) =>
        kind === 'sync'
          ? failSync(engine, id, scope, error)
          : failTransaction(engine, id, scope, error),
    },
  })
}

async function openStore(
  settings: Settings,
  clock: Clock,
  log: Log,
  closers: Closers,
): Promise<Store> {
  const url = settings.databaseUrl ?? (await startOwnDatabase(settings, clock, log, closers))
  const db = await openDatabase({ url, name: `patchbay ${settings.role}`, log })
  closers.push(() => db.close())
  const vault = await createVault({ db, masterKeys: masterKeysOf(settings, db) })
  await ensureAdministrator(db, settings.provider, (token) =>
    writeSecretFile(adminTokenFile(settings.dataDir), token),
  )
  return { db, vault, clock }
}

async function startOwnDatabase(
  { dataDir }: Settings,
  clock: Clock,
  log: Log,
  closers: Closers,
): Promise<Sealed> {
  const server = await startWatchedEmbedded(join(dataDir, 'postgres'), clock, log)
  closers.push(() => server.stop())
  return server.url
}
