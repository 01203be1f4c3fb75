import type { Static } from 'typebox'
import type { CheckStep, ConnectionReport } from '../../contract/tenants.ts'
import type { AppError, ErrorCode } from '../../core/errors.ts'
import type { ConnectionTable } from '../../store/tables/hierarchy.ts'

export type Step = Static<typeof CheckStep>
export type Report = Static<typeof ConnectionReport>
type State = ConnectionTable['state']

export function passed(step: string, message: string, details?: string[]): Step {
  return { step, outcome: 'passed', message, remedy: null, ...(details && { details }) }
}

export function notPassed(
  outcome: 'warning' | 'failed' | 'skipped',
  step: string,
  message: string,
  remedy: string | null,
  details?: string[],
): Step {
  return { step, outcome, message, remedy, ...(details && { details }) }
}

/** Where the calls go, as far as it matters for what is said when they do not arrive. */
export interface Route {
  host: string
  proxied: boolean
}

/**
 * A step that an error ended. Where a proxy is in the way, why it could not be reached is not told:
 * whoever may edit a tenant could otherwise learn which addresses and ports answer in this network.
 */
export function failed(step: string, error: AppError, { host, proxied }: Route): Step {
  if (isNetwork(error)) {
    const message = proxied
      ? `${host} could not be reached through the proxy of this tenant.`
      : networkWords(host, error)
    const remedy = proxied
      ? 'Check the address, user and password of the proxy, and that it lets this host through. A proxy at a private address must be allowed in the configuration of the server, and by the list of the node (patchbay egress show).'
      : 'Check that this server may reach the host over TCP 443, directly or through a proxy given in the tenant.'
    return notPassed('failed', step, message, remedy)
  }
  return notPassed('failed', step, error.message, remedies[error.code] ?? generalRemedy)
}

function networkWords(host: string, error: AppError): string {
  if (error.code === 'address-refused') return error.message
  return isTls(error)
    ? `${host} was reached, but its TLS certificate or version is not accepted.`
    : `${host} could not be reached.`
}

const generalRemedy = 'Put right what the message names, then test again.'

const remedies: { [code: string]: string } = {
  'credentials-rejected':
    'Correct client id, tenant id, and secret or certificate of the tenant, then test again.',
  'consent-missing':
    'Grant the permission with admin consent under the app registration in Entra, then test again.',
  'microsoft-not-found': 'Correct tenant id and cloud, then test again.',
  'microsoft-throttled': 'Wait a few minutes, then test again.',
}

const networkCodes = ['unavailable', 'microsoft-unavailable', 'timed-out', 'address-refused']

export function isNetwork(error: AppError): boolean {
  // A status of 500 and above is an answer: the host was reached.
  return networkCodes.includes(error.code) && error.foreignCode === undefined
}

function isTls(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code: unknown = Reflect.get(error, 'code')
  const tls = typeof code === 'string' && /CERT|TLS|SSL|SIGNED|UNABLE_TO/.test(code)
  return tls || isTls(error.cause)
}

/** What the tenant's connection is after an error; undefined for one that says nothing of it. */
export function stateAfter(error: AppError): State | undefined {
  if (error.foreignCode === noLicence) return 'unlicensed'
  if (error.foreignCode?.startsWith('AADSTS') && blocking.includes(error.code)) return 'blocked'
  return states[error.code]
}

/** What Graph answers for want of a subscription. */
const noLicence = 'Authentication_RequestFromNonPremiumTenantOrB2CTenant'

/** The sign-in service refuses although the credential is right: policy, tenant, application. */
const blocking: readonly ErrorCode[] = ['microsoft-refused', 'microsoft-not-found']

const states: Partial<Record<ErrorCode, State>> = {
  'credentials-rejected': 'credentials-rejected',
  'consent-missing': 'consent-missing',
  'microsoft-throttled': 'throttled',
  'microsoft-unavailable': 'unreachable',
  'timed-out': 'unreachable',
  'address-refused': 'unreachable',
}

export function outcomeOf(steps: readonly Step[]): Report['outcome'] {
  if (steps.some(({ outcome }) => outcome === 'failed')) return 'failed'
  return steps.some(({ outcome }) => outcome === 'warning') ? 'warning' : 'passed'
}
