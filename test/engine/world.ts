import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { createGraphWire } from '../../src/connectors/graph/wire.ts'
import type { CallRecord, LogCall } from '../../src/connectors/microsoft/callLog.ts'
import { createClouds } from '../../src/connectors/microsoft/clouds.ts'
import { type Actor, allPermissions } from '../../src/core/actor.ts'
import type { Clock } from '../../src/core/clock.ts'
import { AppError } from '../../src/core/errors.ts'
import type { Model } from '../../src/core/model.ts'
import { Sealed } from '../../src/core/secret.ts'
import type { Priority } from '../../src/core/wire.ts'
import type { Emulator, TenantAccess, TenantSpec } from '../../src/emulator/options.ts'
import { startEmulator } from '../../src/emulator/start.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { readModelFiles } from '../../src/engine/models/load.ts'
import { createModels } from '../../src/engine/models/versions/versions.ts'
import { createMicrosoft } from '../../src/features/connections/microsoft.ts'
import { noteConnection } from '../../src/features/connections/noteConnection.ts'
import { bringShippedModels } from '../../src/features/models/shipped.ts'
import { insertRun, insertRunModels } from '../../src/features/syncs/queries.ts'
import { stepKinds } from '../../src/features/transactions/kinds.ts'
import type { Patience } from '../../src/net/dispatcher.ts'
import { createEgress, type Egress } from '../../src/net/egress.ts'
import { newMasterKey } from '../../src/store/masterKey.ts'
import { inScope } from '../../src/store/scope.ts'
import { createVault } from '../../src/store/vault.ts'
import { giveCertificates } from '../emulator/certificates.ts'
import { type FreshDatabase, freshDatabase, quietLog, systemClock } from '../store/testing.ts'
import { type Deeds, requireAllOnRecord } from '../writesOnRecord.ts'
import { control } from './control.ts'

export const administrator: Actor = {
  id: 'test',
  name: 'Test',
  kind: 'person',
  grants: [{ scope: '1.', permissions: allPermissions }],
}

/** Waiting between tries is shown elsewhere; here time jumps over it. */
function createHastyClock(): Clock {
  let skippedMs = 0
  return {
    now: () => systemClock.now() + skippedMs,
    sleep: async (ms, signal) => {
      const napMs = Math.min(ms, 10)
      await systemClock.sleep(napMs, signal)
      skippedMs += ms - napMs
    },
  }
}

interface Surroundings {
  clock?: Clock
  /** How long the way out waits for answers. */
  patience?: Patience
  /** Where the tenant is attached, if not in a database of its own. */
  open?: (access: TenantAccess, emulator: Emulator) => Promise<Opened>
  /** What it does to its own writes; where nothing, all and only what is on record was sent. */
  deeds?: Deeds
}

interface Opened {
  database: FreshDatabase
  tenantId: number
}

const scope = '1.2.'

async function openFresh({ tenantId }: TenantAccess): Promise<Opened> {
  const database = await freshDatabase()
  return { database, tenantId: await insertTenant(database.db, scope, tenantId) }
}

/** A database with one tenant, an emulated Microsoft 365 behind it, and the engine between them. */
export async function startWorld(spec: TenantSpec, surroundings: Surroundings = {}) {
  const { clock = createHastyClock(), patience, open = openFresh, deeds } = surroundings
  const dataDir = await mkdtemp(join(tmpdir(), 'patchbay-emulator-'))
  await giveCertificates(dataDir)
  const emulator: Emulator = await startEmulator({
    dataDir,
    clock: systemClock,
    tenants: [spec],
    control: true,
    checkAnswers: true,
  })
  const [access] = emulator.tenants
  if (access === undefined) throw new Error('the emulator has no tenant')
  const { database, tenantId } = await open(access, emulator)
  const egress = createEgress(async () => [{ address: '127.0.0.1', family: 4 }], patience)
  const callLog: CallRecord[] = []
  const log = (call: CallRecord) => void callLog.push(call)
  const graph = graphOf(egress, emulator, access, { clock, log })
  const emulatorControl = control(emulator, access.tenantId)
  const settings = { removalsWithoutApproval: 10, pageSize: 999 }
  await bringShippedModels(database.db, await readModelFiles('models'))
  const inForce = createModels(database.db)
  const models = await inForce.current()
  const vault = await createVault({ db: database.db, masterKeys: async () => [newMasterKey()] })
  const engine: Engine = {
    db: database.db,
    models: inForce,
    clock,
    log: quietLog,
    noteConnection,
    stepKinds,
    vault,
    // Who may what is asked elsewhere: here the engine does as it is told.
    mayBegin: async () => {},
    openWires: async (_place, onCall, priority) => {
      const wire = createGraphWire(graph(onCall, priority), () => settings.pageSize)
      return {
        wire: (name) => {
          if (name === 'graph') return wire
          throw new AppError('bad-input', `There is no wire ${name}.`)
        },
        removalsWithoutApproval: settings.removalsWithoutApproval,
      }
    },
  }
  return {
    ...{ db: database.db, emulator, engine, models, scope, tenantId, access, settings, callLog },
    /** Of the database's superuser: for what others do to it. */
    databaseUrl: database.url,
    control: emulatorControl,
    job: (id: number) => ({ id, scope, signal: new AbortController().signal }),
    newRun: (fullList = false, only: readonly Model[] = models) =>
      queueRun(database.db, { tenantId, fullList, of: only.map(({ id }) => id) }),
    async close() {
      await emulatorControl.close()
      await egress.close()
      try {
        await requireAllOnRecord(emulator, database.url, deeds)
      } finally {
        await emulator.close()
        await database.close()
        await rm(dataDir, { recursive: true })
      }
    },
  }
}

function queueRun(
  db: Engine['db'],
  { tenantId, fullList, of }: { tenantId: number; fullList: boolean; of: string[] },
): Promise<number> {
  return inScope(db, scope, async (tx) => {
    const run = { tenantId, nodePath: scope, fullList, actor: administrator }
    const id = await insertRun(tx, run)
    await insertRunModels(tx, id, scope, of)
    return id
  })
}

/** The way to Graph for the emulated tenant, as its application. */
function graphOf(
  egress: Egress,
  emulator: Emulator,
  access: TenantAccess,
  { clock, log }: { clock: Clock; log: LogCall },
) {
  const cloud = {
    ...{ name: 'emulator', login: emulator.url, graph: emulator.url, ca: emulator.caPem },
    scope: 'https://graph.microsoft.com/.default',
    allowedAddresses: ['127.0.0.0/8'],
  }
  const clouds = createClouds([cloud])
  const ways = { egress, clouds, clock, random: () => 0, log }
  const microsoft = createMicrosoft(ways)
  const application = {
    ...{ cloud, tenantId: access.tenantId, clientId: access.clientId, credentialVersion: '1' },
    credentials: async () => ({ clientSecret: new Sealed(access.clientSecret) }),
  }
  return (onCall: () => void, priority: Priority) => microsoft.graph(application, priority, onCall)
}

export type World = Awaited<ReturnType<typeof startWorld>>

async function insertTenant(
  db: Engine['db'],
  scope: string,
  microsoftTenantId: string,
): Promise<number> {
  return inScope(db, '1.', async (tx) => {
    await sql`insert into node (id, parent_id, kind, name, node_path)
      values (1, null, 'provider', 'Provider', '1.'), (2, 1, 'customer', 'Customer', ${scope})`.execute(
      tx,
    )
    const { rows } = await sql<{ id: number }>`
      insert into tenant (node_id, node_path, name, microsoft_tenant_id, cloud, settings)
      values (2, ${scope}, 'Contoso', ${microsoftTenantId}, 'emulator', '{}') returning id`.execute(
      tx,
    )
    const id = rows[0]?.id ?? 0
    await sql`insert into connection (tenant_id, wire, node_path, state)
      values (${id}, 'graph', ${scope}, 'untested')`.execute(tx)
    return id
  })
}
