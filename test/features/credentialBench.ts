import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { type Clouds, createClouds } from '../../src/connectors/microsoft/clouds.ts'
import { lookUpTenantId } from '../../src/connectors/microsoft/tenantId.ts'
import type { Clock } from '../../src/core/clock.ts'
import type { Emulator, TenantAccess, TenantSpec } from '../../src/emulator/options.ts'
import { startEmulator } from '../../src/emulator/start.ts'
import { readModelFiles } from '../../src/engine/models/load.ts'
import { createModels, type Models } from '../../src/engine/models/versions/versions.ts'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { createMicrosoft } from '../../src/features/connections/microsoft.ts'
import { noteConnection } from '../../src/features/connections/noteConnection.ts'
import { createOpenWires } from '../../src/features/connections/openWires.ts'
import { type Entrance, keepEnds } from '../../src/features/credentials/ends/read.ts'
import { watchTenant } from '../../src/features/credentials/watch.ts'
import { bringShippedModels } from '../../src/features/models/shipped.ts'
import type { Store } from '../../src/features/operation/store.ts'
import { insertRun, insertRunModels } from '../../src/features/syncs/queries.ts'
import { connectTenant, type Surroundings } from '../../src/features/tenants/connect.ts'
import type { Directory } from '../../src/features/tenants/microsoftTenant.ts'
import { createTenant } from '../../src/features/tenants/tenants.ts'
import { createConnectionTest } from '../../src/features/tenants/testConnection.ts'
import { createTestPace } from '../../src/features/tenants/testPace.ts'
import { stepKinds } from '../../src/features/transactions/kinds.ts'
import { createEgress, type Egress } from '../../src/net/egress.ts'
import { inScope } from '../../src/store/scope.ts'
import { giveCertificates } from '../emulator/certificates.ts'
import { control, type Method } from '../engine/control.ts'
import { quietLog, systemClock } from '../store/testing.ts'
import { addNode, type Bench, openBench, provider } from './support.ts'

export const { signal } = new AbortController()

/** What the watch asks of an application and no more. */
export const enough = ['User.ReadWrite.All', 'Application.Read.All', 'Organization.Read.All']

interface Ground {
  store: Store
  egress: Egress
  clouds: Clouds
  models: Models
}

/** One process: its own memory of tokens, the same database. */
function processOn({ store, egress, clouds, models }: Ground) {
  const { clock } = store
  const { exchange } = egress
  const proxies = { allowedAddresses: ['127.0.0.0/8'] }
  const microsoft = createMicrosoft({ egress, clouds, clock, random: () => 0, log: () => {} })
  const surroundings: Surroundings = {
    ...{ clouds, proxies },
    watch: (tenant) => watchTenant(store, tenant),
  }
  const directory = {
    ...surroundings,
    lookUpTenantId: (cloud: Parameters<typeof lookUpTenantId>[1], name: string) =>
      lookUpTenantId(exchange, cloud, { name }),
  }
  const open = async (place: { tenantId: number; scope: string }): Promise<Entrance> => {
    const { application } = await connectTenant(store, surroundings, place)
    return { application, graph: microsoft.graph(application, 'sync') }
  }
  const openWires = createOpenWires(store, surroundings, microsoft)
  const engine = {
    ...{ ...store, log: quietLog, models, openWires, stepKinds, noteConnection },
    mayBegin: async () => {},
  }
  const takePlace = createTestPace(store.clock)
  return {
    ...{ microsoft, surroundings, directory, open },
    second: { store, directory, surroundings, takePlace, tokens: microsoft.tokens },
    test: createConnectionTest({
      ...{ store, microsoft, surroundings, exchange, takePlace },
      keepEnds: (tenant, entrance, within) => keepEnds(store, tenant, entrance, within),
    }),
    engine,
    /** A full sync, as a worker does it; of people unless other models are named. */
    async sync(tenant: { id: number; nodePath: string }, of = ['device/msgraph/MSOLUser']) {
      const { nodePath } = tenant
      const id = await inScope(store.db, nodePath, async (tx) => {
        const run = { tenantId: tenant.id, nodePath, fullList: true, actor: provider }
        const made = await insertRun(tx, run)
        await insertRunModels(tx, made, nodePath, of)
        return made
      })
      await advanceSync(engine, { id, scope: nodePath, signal })
      return id
    },
    /** What any work on the tenant does first. */
    signIn: async (tenant: { id: number; nodePath: string }) => {
      const { application } = await open({ tenantId: tenant.id, scope: tenant.nodePath })
      return await microsoft.tokens.token(application)
    },
  }
}

/** Attaches tenants as the provider. */
function attacher(bench: Bench, emulator: Emulator, directory: Directory) {
  let count = 0
  const { store } = bench
  /** Makes an emulated tenant and attaches it to a node of its own. */
  return async (
    spec: Partial<TenantSpec> = {},
    graph: Parameters<typeof createTenant>[3]['graph'] = {},
  ) => {
    count += 1
    const whole = { users: 5, seed: 100 + count, roles: enough, ...spec }
    const global = control(emulator, '')
    const access = (await global.ask('POST', 'tenants', whole)) as TenantAccess
    await global.close()
    const { clientId, clientSecret, domain } = access
    const node = await addNode(bench, 1, 'customer', `Customer ${count}`)
    const own = { cloud: 'emulator', clientId, clientSecret, tenantId: domain, ...graph }
    const input = { nodeId: node.id, name: `Tenant ${count}`, graph: own }
    const tenant = await createTenant(provider, store, directory, input)
    const own2 = control(emulator, access.tenantId)
    return {
      ...{ tenant, access, control: own2 },
      ask: <T>(method: Method, part: string, body?: object) =>
        own2.ask<T>(method, `tenants/${access.tenantId}/${part}`, body),
      /** How often the tenant's sign-in service was asked for a token. */
      async signIns() {
        const calls = await own2.calls()
        return calls.filter(({ service, path }) => service === 'login' && path.endsWith('/token'))
          .length
      },
    }
  }
}

/**
 * A database, an emulated Microsoft 365, and time that can be moved for both. `hasty`: it jumps
 * over waits.
 */
export async function openCredentialBench({ hasty = false } = {}) {
  const bench = await openBench()
  let movedMs = 0
  const clock: Clock = {
    now: () => systemClock.now() + movedMs,
    async sleep(ms, within) {
      const napMs = hasty ? Math.min(ms, 10) : ms
      await systemClock.sleep(napMs, within)
      movedMs += ms - napMs
    },
  }
  const store: Store = { ...bench.store, clock }
  const dataDir = await mkdtemp(join(tmpdir(), 'patchbay-emulator-'))
  await giveCertificates(dataDir)
  const emulator = await startEmulator({
    dataDir,
    clock,
    tenants: [{ users: 1, seed: 1 }],
    control: true,
    checkAnswers: true,
  })
  const egress = createEgress(async () => [{ address: '127.0.0.1', family: 4 }])
  const clouds = createClouds([
    {
      ...{ name: 'emulator', login: emulator.url, graph: emulator.url, ca: emulator.caPem },
      scope: 'https://graph.microsoft.com/.default',
      allowedAddresses: ['127.0.0.0/8'],
    },
  ])
  await bringShippedModels(store.db, await readModelFiles('models'))
  const models = createModels(store.db)

  const startProcess = () => processOn({ store, egress, clouds, models })
  const first = startProcess()
  const attach = attacher({ ...bench, store }, emulator, first.directory)

  /** What is in the outbox of a node. Asked of the table: other tests may hold the readers back. */
  async function outboxOf(nodePath: string) {
    return await inScope(store.db, nodePath, async (tx) => {
      const { rows } = await sql<{ kind: string; data: Record<string, unknown> }>`
        select kind, data from event order by id`.execute(tx)
      return rows
    })
  }

  return {
    ...{ bench, store, clock, outboxOf, emulator, egress, startProcess, attach, ...first },
    move: (ms: number) => {
      movedMs += ms
    },
    async close() {
      await egress.close()
      await emulator.close()
      await rm(dataDir, { recursive: true })
      await bench.close()
    },
  }
}

export type CredentialBench = Awaited<ReturnType<typeof openCredentialBench>>
