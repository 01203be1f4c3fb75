import { randomInt } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { fileURLToPath } from 'node:url'
import type { GraphTransport } from '../connectors/graph/transport.ts'
import { createMailer } from '../connectors/mail/mailer.ts'
import type { CallRecord } from '../connectors/microsoft/callLog.ts'
import { createClouds } from '../connectors/microsoft/clouds.ts'
import { lookUpTenantId } from '../connectors/microsoft/tenantId.ts'
import type { Random } from '../core/clock.ts'
import type { Engine } from '../engine/engine.ts'
import { readModelFiles } from '../engine/models/load.ts'
import { createModels } from '../engine/models/versions/versions.ts'
import { bringShippedAccess } from '../features/access/shipped.ts'
import type { DeliverDependencies } from '../features/alerts/deliver.ts'
import { createMicrosoft } from '../features/connections/microsoft.ts'
import { noteConnection } from '../features/connections/noteConnection.ts'
import { createOpenWires } from '../features/connections/openWires.ts'
import { type Entrance, keepEnds } from '../features/credentials/ends/read.ts'
import type { SecondDependencies } from '../features/credentials/second.ts'
import { watchTenant } from '../features/credentials/watch.ts'
import { bringShippedModels } from '../features/models/shipped.ts'
import type { Store } from '../features/operation/store.ts'
import { connectTenant, type Surroundings } from '../features/tenants/connect.ts'
import type { Directory } from '../features/tenants/microsoftTenant.ts'
import { createConnectionTest, type TestConnection } from '../features/tenants/testConnection.ts'
import { createTestPace } from '../features/tenants/testPace.ts'
import { createMayBegin } from '../features/transactions/authority.ts'
import { stepKinds } from '../features/transactions/kinds.ts'
import type { ResolvedAddress } from '../net/dispatcher.ts'
import { createEgress, type Exchange } from '../net/egress.ts'
import { createOpenSocket } from '../net/socket.ts'
import { findActorAgain } from '../server/access.ts'
import type { Metrics } from '../server/metrics.ts'
import type { Log } from '../store/log.ts'
import { createPauses } from '../store/pauses.ts'
import type { Settings } from './settings.ts'
import { installation } from './version.ts'

export interface WayOut {
  /** For what is said to others than Microsoft. */
  exchange: Exchange
  engine: Engine
  directory: Directory
  testTenant: TestConnection
  /** Graph of one tenant, for what stands back behind people's calls. */
  openGraph: (place: { tenantId: number; scope: string }) => Promise<GraphTransport>
  /** The same with who asks, for reading when its credentials end. */
  openEntrance: (place: { tenantId: number; scope: string }) => Promise<Entrance>
  second: SecondDependencies
  alerting: DeliverDependencies
  close(): Promise<void>
}

/** Everything that reaches Microsoft: one way out, its clouds, and the engine that uses them. */
export async function createWayOut(
  { clouds: configured, proxies, mail }: Settings,
  store: Store,
  log: Log,
  metrics: Metrics,
): Promise<WayOut> {
  const egress = createEgress(lookupAll)
  const clouds = createClouds(configured)
  const pauses = createPauses(store.db, store.clock)
  const microsoft = createMicrosoft({
    egress,
    clouds,
    clock: store.clock,
    random: systemRandom,
    log: (record: CallRecord) => {
      metrics.call(record)
      log.info(record, 'call')
    },
    tellPause: pauses.tell,
  })
  await pauses.follow(microsoft.hearPause)
  const watch: Surroundings['watch'] = (tenant) => watchTenant(store, tenant)
  const surroundings = { clouds, proxies, watch }
  const openEntrance: WayOut['openEntrance'] = async (place) => {
    const { application } = await connectTenant(store, surroundings, place)
    return { application, graph: microsoft.graph(application, 'sync') }
  }
  const openWires = createOpenWires(store, surroundings, microsoft)
  const shipped = await readModelFiles(fileURLToPath(new URL('models', installation)))
  await bringShippedModels(store.db, shipped)
  await bringShippedAccess(store.db)
  const models = createModels(store.db)
  const directory: Directory = {
    ...surroundings,
    lookUpTenantId: (cloud, name) => lookUpTenantId(egress.exchange, cloud, { name }),
  }
  const takePlace = createTestPace(store.clock)
  return {
    exchange: egress.exchange,
    engine: {
      ...{ db: store.db, clock: store.clock, vault: store.vault, log },
      ...{ models, openWires, stepKinds, noteConnection },
      mayBegin: createMayBegin(store.db, (authorId) => findActorAgain(store, authorId)),
    },
    directory,
    testTenant: createConnectionTest({
      ...{ store, microsoft, surroundings, takePlace },
      exchange: egress.exchange,
      keepEnds: (tenant, entrance, signal) => keepEnds(store, tenant, entrance, signal),
    }),
    openGraph: async (place) => (await openEntrance(place)).graph,
    openEntrance,
    second: { store, directory, surroundings, takePlace, tokens: microsoft.tokens },
    alerting: {
      ...{ store, log, exchange: egress.exchange, configured: proxies },
      sendMail: mail && createMailer(createOpenSocket(lookupAll), mail),
    },
    close: async () => {
      await pauses.close()
      await egress.close()
    },
  }
}

async function lookupAll(host: string): Promise<ResolvedAddress[]> {
  const found = await lookup(host, { all: true })
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }))
}

/** 32 bits are plenty for spreading waits. */
const systemRandom: Random = () => randomInt(2 ** 32) / 2 ** 32
