import { X509Certificate } from 'node:crypto'
import {
  readCredentialEnds,
  readDirectoryRoles,
  readGrantedPermissions,
  readOrganization,
  readPrincipal,
} from '../../connectors/graph/checks.ts'
import type { GraphTransport } from '../../connectors/graph/transport.ts'
import type { Application } from '../../connectors/microsoft/application.ts'
import { graphDestination } from '../../connectors/microsoft/clouds.ts'
import { lookUpTenantId } from '../../connectors/microsoft/tenantId.ts'
import { isCredentialRefused, type TokenClient } from '../../connectors/microsoft/tokens.ts'
import type { Clock } from '../../core/clock.ts'
import { AppError } from '../../core/errors.ts'
import type { Exchange } from '../../net/egress.ts'
import {
  assessFeatures,
  type FeatureAnswer,
  testNeeds,
  tooPowerful,
  type Usage,
} from './permissions.ts'
import { notPassed, passed, type Step } from './steps.ts'

/** One visit to Microsoft, and what its steps found for those after them. */
export interface Visit {
  application: Application
  exchange: Exchange
  tokens: TokenClient
  graph: GraphTransport
  clock: Clock
  signal: AbortSignal
  /** Whom it speaks to at the moment. */
  host: string
  clockSkewMs?: number
  principalId?: string
  usage: Usage
  features: FeatureAnswer[]
}

export function hostOf(origin: string): string {
  return new URL(origin).host
}

export type Check = (visit: Visit) => Promise<Step>

const clockSkewMaxMs = 2 * 60_000
const dayMs = 24 * 60 * 60_000
const warnDays = 60

/** Both hosts without credentials: the sign-in service knows the tenant, Graph answers at all. */
export async function checkAddresses(visit: Visit, signal = visit.signal): Promise<Step> {
  const { application, exchange, clock } = visit
  const { cloud, proxy, tenantId } = application
  await lookUpTenantId(exchange, cloud, { name: tenantId, proxy, signal })
  visit.host = hostOf(cloud.graph)
  const answer = await exchange({
    destination: graphDestination(cloud),
    proxy,
    method: 'GET',
    url: new URL('/v1.0/organization', cloud.graph),
    headers: { accept: 'application/json' },
    signal,
  })
  const date = Date.parse(answer.headers.date ?? '')
  if (!Number.isNaN(date)) visit.clockSkewMs = clock.now() - date
  const hosts = [hostOf(cloud.login), hostOf(cloud.graph)]
  const how = proxy === undefined ? 'directly' : 'through the proxy of this tenant'
  return passed('addresses', `${[...new Set(hosts)].join(' and ')} were reached ${how}.`)
}

/** `fresh`: neither a kept token nor a kept refusal answers for what is true now. */
export async function checkToken(visit: Visit): Promise<Step> {
  const { tokens, application, signal } = visit
  visit.host = hostOf(application.cloud.login)
  const { standIn, ...first } = application
  try {
    await tokens.token(first, { fresh: true, signal })
  } catch (thrown) {
    if (standIn === undefined || !isCredentialRefused(thrown)) throw thrown
    await tokens.token(application, { fresh: true, signal })
    visit.host = hostOf(application.cloud.graph)
    const message = `${thrown.message} The second credential is used in its place.`
    return notPassed(
      'warning',
      'token',
      message,
      'Promote the second credential, or mend the first.',
    )
  }
  visit.host = hostOf(application.cloud.graph)
  const { clientSecret } = await application.credentials()
  const how = clientSecret === undefined ? 'certificate' : 'client secret'
  return passed('token', `Microsoft accepted the ${how}.`)
}

/** Proofs by certificate live ten minutes: a clock that is wrong makes them invalid. */
export async function checkClock({ clockSkewMs }: Visit): Promise<Step> {
  if (clockSkewMs === undefined) {
    return notPassed('skipped', 'clock', "Graph's answer told no time.", null)
  }
  const seconds = Math.round(Math.abs(clockSkewMs) / 1_000)
  if (Math.abs(clockSkewMs) <= clockSkewMaxMs) {
    return passed('clock', `This server's clock is right to within ${Math.max(seconds, 1)} s.`)
  }
  const side = clockSkewMs > 0 ? 'ahead of' : 'behind'
  return notPassed(
    'warning',
    'clock',
    `This server's clock is ${seconds} seconds ${side} Microsoft's.`,
    'Let the machine keep its time by NTP; sign-in by certificate fails when it is minutes off.',
  )
}

export async function checkOrganization(visit: Visit): Promise<Step> {
  const { application, graph, clock, signal } = visit
  const step = 'organization'
  const found = await orUnknown(() => readOrganization(graph, clock, signal))
  if (found === 'unknown') {
    const message = 'Name and domains of the tenant cannot be read.'
    return notPassed('warning', step, message, grant(testNeeds.organization))
  }
  const names = found.domains.map(({ name }) => name)
  if (found.id.toLowerCase() !== application.tenantId) {
    const message = `The application signs in to another tenant: ${found.displayName} (${found.id}).`
    const remedy = 'Correct the tenant id, or use the app registration of the right tenant.'
    return notPassed('failed', step, message, remedy, names)
  }
  return passed(step, `${found.displayName} is the tenant.`, names)
}

export async function checkPermissions(visit: Visit): Promise<Step> {
  const { application, graph, signal } = visit
  const step = 'permissions'
  const principal = await readPrincipal(graph, application.clientId, signal)
  const granted =
    principal === 'unknown' || principal === undefined
      ? 'unknown'
      : await readGrantedPermissions(graph, principal.id, signal)
  if (principal !== 'unknown' && principal !== undefined) visit.principalId = principal.id
  const held = granted === 'unknown' ? granted : granted.map(({ name }) => name)
  visit.features = assessFeatures(held, visit.usage)
  if (granted === 'unknown') {
    const message = 'Which permissions the application has cannot be read.'
    return notPassed('warning', step, message, grant(testNeeds.permissions))
  }
  const names = granted.map(({ name, service }) => `${name} (${service})`).sort()
  const inUse = visit.features.filter((feature) => feature.inUse)
  const limited = inUse
    .filter(({ available }) => available !== 'full')
    .map(({ feature, available }) => `${feature}: ${available}`)
  const findings: string[] = []
  const remedies: string[] = []
  if (limited.length > 0) {
    findings.push(`Not every feature in use has its permissions (${limited.join(', ')}).`)
    remedies.push(grant(...new Set(inUse.flatMap((feature) => feature.missing))))
  }
  const excessive = tooPowerful.permissions.filter((name) =>
    granted.some((permission) => permission.name === name),
  )
  if (excessive.length > 0) {
    findings.push(powerWords('permission', excessive))
    remedies.push(takeAway(excessive))
  }
  if (findings.length === 0) {
    return passed(step, 'Every feature in use has its permissions.', names)
  }
  return notPassed('warning', step, findings.join(' '), remedies.join(' '), names)
}

/** Said of permissions and of directory roles alike. */
function powerWords(kind: 'permission' | 'directory role', names: readonly string[]): string {
  const held = names.length === 1 ? `the ${kind}` : `the ${kind}s`
  return `The application holds ${held} ${names.join(', ')}: no feature needs it, and whoever gets hold of the application's credentials has the whole tenant with it.`
}

function takeAway(names: readonly string[]): string {
  return `Take ${names.join(' and ')} away from the application in Entra.`
}

/** Withholding the permission to write is a choice: what is assigned is then shown, not changed. */
export async function checkLicences({ features }: Visit): Promise<Step> {
  const step = 'licences'
  const found = features.find(({ feature }) => feature === 'licences')
  switch (found?.available) {
    case 'full':
      return passed(step, 'Licences can be assigned and taken back.')
    case 'view-only': {
      const message = 'View only: licences and their assignments are shown, but cannot be changed.'
      const remedy = `${grant(...found.missing)} If view only is what you want, leave it.`
      return notPassed('warning', step, message, remedy)
    }
    case 'none':
      return notPassed('warning', step, 'Licences cannot be read.', grant(...found.missing))
    default: {
      const message = 'Whether licences can be assigned cannot be told.'
      return notPassed('skipped', step, message, grant(testNeeds.permissions))
    }
  }
}

export async function checkDirectoryRoles({ graph, principalId, signal }: Visit): Promise<Step> {
  const step = 'directory-roles'
  const roles =
    principalId === undefined ? 'unknown' : await readDirectoryRoles(graph, principalId, signal)
  if (roles === 'unknown') {
    const message = 'Which directory roles the application holds cannot be read.'
    return notPassed(
      'skipped',
      step,
      message,
      grant(testNeeds.permissions, testNeeds.directoryRoles),
    )
  }
  const excessive = tooPowerful.directoryRoles.filter((name) => roles.includes(name))
  if (excessive.length > 0) {
    const message = powerWords('directory role', excessive)
    return notPassed('warning', step, message, takeAway(excessive), roles)
  }
  const held = roles.length === 0 ? 'no directory role' : roles.join(', ')
  return passed(step, `The application holds ${held}.`, roles)
}

/** Of a certificate we hold we know the end; that of a secret only the app registration tells. */
export async function checkCredentialEnds(visit: Visit): Promise<Step> {
  const { application, graph, clock, signal } = visit
  const step = 'credentials'
  const { clientSecret, certificate } = await application.credentials()
  if (clientSecret === undefined && certificate !== undefined) {
    const { validToDate } = new X509Certificate(certificate.certificatePem)
    return endStep(clock, 'certificate', [validToDate])
  }
  const ends = await readCredentialEnds(graph, application.clientId, signal)
  if (ends === 'unknown') {
    const message = 'unknown: when the secret ends cannot be read.'
    return notPassed('warning', step, message, grant(testNeeds.credentials))
  }
  const dates = ends.filter(({ kind }) => kind === 'secret').map(({ endsAt }) => new Date(endsAt))
  return endStep(clock, 'secret', dates)
}

/** Those that ended already are not the one that was just accepted. */
function endStep(clock: Clock, kind: 'secret' | 'certificate', dates: readonly Date[]): Step {
  const now = clock.now()
  const ahead = dates.map((date) => date.getTime()).filter((end) => end > now)
  if (ahead.length === 0) {
    const message = `unknown: the app registration names no ${kind} that is still valid.`
    return notPassed('warning', 'credentials', message, 'Check the app registration in Entra.')
  }
  const first = Math.min(...ahead)
  const days = Math.floor((first - now) / dayMs)
  const words = `${kind} ends on ${new Date(first).toISOString().slice(0, 10)}, in ${days} days.`
  if (days >= warnDays) return passed('credentials', `The ${words}`)
  const remedy = `Create a new ${kind} in the app registration and enter it here before that day.`
  return notPassed('warning', 'credentials', `The ${words}`, remedy)
}

function grant(...names: string[]): string {
  return `Grant ${names.join(' and ')} to the application in Entra, with admin consent.`
}

async function orUnknown<T>(read: () => Promise<T>): Promise<T | 'unknown'> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof AppError && error.code === 'consent-missing') return 'unknown'
    throw error
  }
}
