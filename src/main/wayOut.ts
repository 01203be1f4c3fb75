import { lookup } from 'node:dns/promises'
import { fileURLToPath } from 'node:url'
import { createClouds } from '../connectors/microsoft/clouds.ts'
import { lookUpTenantId } from '../connectors/microsoft/tenantId.ts'
import { AppError } from '../core/errors.ts'
import type { Engine } from '../engine/engine.ts'
import { loadModels } from '../engine/models/load.ts'
import type { Store } from '../features/hierarchy/store.ts'
import { createEgress } from '../net/egress.ts'
import type { ServerDependencies } from '../server/dependencies.ts'
import type { Metrics } from '../server/metrics.ts'
import type { Log } from '../store/log.ts'
import type { Settings } from './settings.ts'
import { installation } from './version.ts'

type Outside = Pick<ServerDependencies, 'directory' | 'testTenant'> & { engine: Engine }

/** Everything that reaches Microsoft: one way out, its clouds, and the engine that uses them. */
export async function createWayOut(
  settings: Settings,
  store: Store,
  log: Log,
  _metrics: Metrics,
): Promise<Outside & { close(): Promise<void> }> {
  const egress = createEgress(async (host) => {
    const found = await lookup(host, { all: true })
    return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }))
  })
  const clouds = createClouds(settings.clouds)
  const notYet = () => {
    throw new AppError('unavailable', 'Connections to Microsoft are not wired yet.')
  }
  const models = await loadModels(fileURLToPath(new URL('models', installation)))
  return {
    engine: { db: store.db, clock: store.clock, log, models, openWires: notYet },
    directory: {
      clouds,
      lookUpTenantId: (cloud, name) => lookUpTenantId(egress.exchange, cloud, { name }),
    },
    testTenant: notYet,
    close: () => egress.close(),
  }
}
