import type { GraphTransport } from '../../connectors/graph/transport.ts'
import type { Application } from '../../connectors/microsoft/application.ts'
import type { TokenClient } from '../../connectors/microsoft/tokens.ts'
import { type Actor, scopesOf } from '../../core/actor.ts'
import { AppError, asAppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Exchange } from '../../net/egress.ts'
import { inScope } from '../../store/scope.ts'
import type { ConnectionTable } from '../../store/tables/hierarchy.ts'
import { record } from '../operation/record.ts'
import type { Store } from '../operation/store.ts'
import { permittedTenant } from './access.ts'
import type { OpenedTenant } from './answer.ts'
import {
  type Check,
  checkClock,
  checkCredentialEnds,
  checkDirectoryRoles,
  checkLicences,
  checkOrganization,
  checkPermissions,
  checkToken,
  hostOf,
  type Visit,
} from './checks.ts'
import { applicationOf, type Surroundings } from './connect.ts'
import { assessFeatures, tellingSteps } from './permissions.ts'
import { checkAddressesEvenly } from './proxyCheck.ts'
import { keepReport, selectUsage } from './queries.ts'
import { failed, notPassed, outcomeOf, type Report, type Step, stateAfter } from './steps.ts'
import type { TakePlace } from './testPace.ts'

export interface ConnectionTestDependencies {
  store: Store
  microsoft: {
    tokens: TokenClient
    graph(application: Application, priority: 'interactive'): GraphTransport
  }
  exchange: Exchange
  surroundings: Surroundings
  /** See `createTestPace`. */
  takePlace: TakePlace
  /** Told of a way in that works: when the tenant's credentials end is read while we are there. */
  keepEnds?: (
    tenant: { tenantId: number; nodePath: string },
    entrance: { application: Application; graph: GraphTransport },
    signal: AbortSignal,
  ) => Promise<void>
}

export type TestConnection = (
  actor: Actor,
  input: { tenantId: number; confirm?: boolean | undefined },
  signal: AbortSignal,
) => Promise<Report>

/** In this order. What fails before `organization` makes everything behind it pointless. */
const checks: readonly (readonly [string, Check])[] = [
  ['addresses', checkAddressesEvenly],
  ['token', checkToken],
  ['clock', checkClock],
  ['organization', checkOrganization],
  ['permissions', checkPermissions],
  ['licences', checkLicences],
  ['directory-roles', checkDirectoryRoles],
  ['credentials', checkCredentialEnds],
]

const stopping = ['addresses', 'token']

/**
 * Test Connection: signs in with the tenant's credentials, reads, and reports step by step; changes
 * nothing at Microsoft. One at a time per tenant. Throws `confirmation-required` unless confirmed,
 * `too-many-requests` while one runs, or after many.
 */
export function createConnectionTest(dependencies: ConnectionTestDependencies): TestConnection {
  const { store, takePlace } = dependencies
  const running = new Set<number>()
  return async (actor, { tenantId, confirm }, signal) => {
    const tenant = await inScope(store.db, scopesOf(actor), (tx) =>
      permittedTenant(tx, store, actor, 'Execute', tenantId),
    )
    const { row } = tenant
    requireYes(confirm, row.name)
    if (running.has(tenantId)) throw alreadyRunning()
    takePlace(tenantId, actor.id)
    running.add(tenantId)
    try {
      const entry = { nodePath: row.node_path, tenantId, subject: `tenant:${tenantId}` }
      const start = { ...entry, action: 'tenant.test', detail: { name: row.name } }
      await inScope(store.db, scopesOf(actor), (tx) => record(tx, actor, start))
      const { report, state } = await examine(dependencies, tenant, signal)
      await inScope(store.db, scopesOf(actor), async (tx) => {
        const { outcome, steps } = report
        const found = steps.map(({ step, outcome: result }) => `${step}: ${result}`)
        const detail = { name: row.name, outcome, state, steps: found }
        await record(tx, actor, { ...entry, action: 'tenant.tested', detail })
        await keepReport(tx, row, { state, message: summaryOf(report), report })
      })
      return report
    } finally {
      running.delete(tenantId)
    }
  }
}

function requireYes(confirm: boolean | undefined, name: string): void {
  if (confirm === true) return
  throw new AppError(
    'confirmation-required',
    `This signs in to Microsoft with the credentials of ${name} and reads who they belong to and what they may do; nothing is changed there. Nothing was done yet; to do it, repeat the request with confirm set to true.`,
  )
}

function alreadyRunning(): AppError {
  return new AppError(
    'too-many-requests',
    'A test of this connection is running already. Nothing was started; wait for its report.',
    { retryAfterMs: 5_000 },
  )
}

interface Examined {
  report: Report
  state: ConnectionTable['state']
}

async function examine(
  dependencies: ConnectionTestDependencies,
  tenant: OpenedTenant,
  signal: AbortSignal,
): Promise<Examined> {
  const { store, microsoft, exchange, surroundings } = dependencies
  const { clock } = store
  const application = await applicationOf(store, surroundings, tenant)
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(limits.connectionTestMs)])
  const graph = microsoft.graph(application, 'interactive')
  const { tokens } = microsoft
  const usage = await inScope(store.db, tenant.row.node_path, (tx) =>
    selectUsage(tx, tenant.row.id, tellingSteps),
  )
  const features = assessFeatures('unknown', usage)
  const way = { application, exchange, tokens, graph, clock, signal: bounded }
  const visit = { ...way, host: hostOf(application.cloud.login), usage, features }
  const { steps, error } = await takeSteps(visit, signal)
  if (steps.some(({ step, outcome }) => step === 'token' && outcome !== 'failed')) {
    const place = { tenantId: tenant.row.id, nodePath: tenant.row.node_path }
    // What cannot be read now is read by the daily look; the step about credentials has said why.
    await dependencies.keepEnds?.(place, { application, graph }, bounded).catch(() => {})
  }
  const report = {
    tenantId: tenant.row.id,
    outcome: outcomeOf(steps),
    checkedAt: new Date(clock.now()).toISOString(),
    steps: [...steps, notYet('teams', 'Microsoft Teams'), notYet('exchange', 'Exchange Online')],
    features: visit.features,
  }
  if (error !== undefined) return { report, state: stateAfter(error) ?? 'unreachable' }
  // Signed in, but to another tenant than the one that was meant.
  return { report, state: report.outcome === 'failed' ? 'credentials-rejected' : 'healthy' }
}

/** Every step, and the first error that ended one. */
async function takeSteps(
  visit: Visit,
  asked: AbortSignal,
): Promise<{ steps: Step[]; error: AppError | undefined }> {
  const steps: Step[] = []
  const proxied = visit.application.proxy !== undefined
  let first: AppError | undefined
  let stopped: string | undefined
  for (const [name, check] of checks) {
    if (stopped !== undefined && name !== 'clock') {
      const message = `Not tried, because ${stopped} failed.`
      steps.push(notPassed('skipped', name, message, null))
      continue
    }
    try {
      steps.push(await check(visit))
    } catch (thrown) {
      if (asked.aborted) throw givenUp()
      const error = asAppError(visit.signal.aborted ? tookTooLong() : thrown, `The step ${name}`)
      first ??= error
      if (stopping.includes(name)) stopped = name
      steps.push(failed(name, error, { host: visit.host, proxied }))
    }
  }
  return { steps, error: first }
}

function notYet(step: string, service: string): Step {
  const message = `${service} is not part of this version.`
  return notPassed('skipped', step, message, null)
}

function summaryOf({ steps, outcome }: Report): string {
  const first =
    steps.find((step) => step.outcome === 'failed') ??
    steps.find((step) => step.outcome === 'warning') ??
    steps.find(({ step }) => step === 'organization')
  const rest = outcome === 'passed' ? '' : ' The report of the test says more.'
  return `${first?.message ?? ''}${rest}`
}

function givenUp(): AppError {
  return new AppError(
    'cancelled',
    'The connection test was given up before it ended; nothing was changed at Microsoft.',
  )
}

function tookTooLong(): AppError {
  const seconds = limits.connectionTestMs / 1_000
  return new AppError('timed-out', `The test did not end within ${seconds} seconds.`)
}
