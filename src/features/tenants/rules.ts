import type { FieldProblem } from '../../core/errors.ts'
import type { FieldPath, Values } from './fields.ts'

/** What the rules look at: a tenant as it would be after the change. */
export interface Proposal {
  values: Values
  /** The fields of the vault that will be set. */
  held: ReadonlySet<FieldPath>
  /** Stored secrets that are dropped, with the fields whose change would send them elsewhere. */
  dropped: ReadonlyMap<FieldPath, readonly FieldPath[]>
  /** The chosen certificate's thumbprints, or undefined when none is chosen. */
  certificate: { thumbprint: string; thumbprintSha256: string } | undefined
  /** The names of the clouds this server knows. */
  clouds: readonly string[]
}

export const guidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
export const domainPattern =
  /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/i
const thumbprintPattern = /^([0-9A-F]{40}|[0-9A-F]{64})$/

/**
 * The rules between fields; what one field may be is said by its schema. Pure. Every problem names
 * its field.
 */
export function checkTenant(proposal: Proposal): FieldProblem[] {
  return [
    ...checkPowershell(proposal),
    ...checkHttpProxy(proposal),
    ...checkTeams(proposal),
    ...checkGraph(proposal),
    ...checkSecond(proposal),
    ...checkCertificate(proposal),
    ...checkProxies(proposal),
    ...checkExchange(proposal),
  ]
}

/** The required marks of the reference hold where a Windows computer is the way to PowerShell. */
function checkPowershell(proposal: Proposal): FieldProblem[] {
  const { values } = proposal
  const problems: FieldProblem[] = []
  if (values['powershell.mode'] === 'windows-proxy') {
    const when = 'because the PowerShell mode is windows-proxy'
    problems.push(...required(proposal, 'powershell.host', when))
    problems.push(...required(proposal, 'powershell.username', when))
    problems.push(...required(proposal, 'powershell.password', when))
  }
  if (/[\\@]/.test(values['powershell.username'] ?? '')) {
    problems.push({
      field: 'powershell.username',
      problem:
        'must be a local account of the Windows computer: its bare name, without a domain (DOMAIN\\user, user@domain).',
    })
  }
  return problems
}

/** Authentication only comes into play when the proxy itself does. */
function checkHttpProxy(proposal: Proposal): FieldProblem[] {
  const { values } = proposal
  if (!values['httpProxy.use'] || !values['httpProxy.authenticate']) return []
  const when = 'because the HTTP proxy asks for authentication'
  return [
    ...required(proposal, 'httpProxy.username', when),
    ...required(proposal, 'httpProxy.password', when),
  ]
}

function checkTeams(proposal: Proposal): FieldProblem[] {
  const { values } = proposal
  if (!values['teams.enabled'] || values['powershell.mode'] !== 'windows-proxy') return []
  const when = 'because Microsoft Teams is managed through a Windows proxy'
  return [
    ...required(proposal, 'teams.adminUsername', when),
    ...required(proposal, 'teams.adminPassword', when),
  ]
}

function checkGraph(proposal: Proposal): FieldProblem[] {
  const { values, held, clouds, dropped } = proposal
  const problems: FieldProblem[] = []
  const cloud = values['graph.cloud'] ?? ''
  if (!clouds.includes(cloud)) {
    const problem = `is not a cloud this server knows; it knows ${clouds.join(', ')}.`
    problems.push({ field: 'graph.cloud', problem })
  }
  const clientId = values['graph.clientId']
  if (clientId === undefined) {
    problems.push(...required(proposal, 'graph.clientId', 'for every tenant'))
  } else if (!guidPattern.test(clientId)) {
    const problem = 'must be the Application (client) ID of the app registration, a GUID.'
    problems.push({ field: 'graph.clientId', problem })
  }
  problems.push(...required(proposal, 'graph.tenantId', 'for every tenant'))
  if (!held.has('graph.clientSecret') && values['graph.certificateId'] === undefined) {
    const lost = (['graph.clientSecret', 'graph.certificateId'] as const).filter((field) =>
      dropped.has(field),
    )
    problems.push(...lost.map((field) => ({ field, problem: giveAnew(proposal, field) })))
    const problem = 'or graph.certificateId is required: without one of them nobody can sign in.'
    if (lost.length === 0) problems.push({ field: 'graph.clientSecret', problem })
  }
  return problems
}

/** One that steps in for the first, so it is one of the two kinds, and another certificate. */
function checkSecond({ values, held }: Proposal): FieldProblem[] {
  const field = 'graph.secondCertificateId'
  const second = values[field]
  if (second === undefined) return []
  if (held.has('graph.secondClientSecret')) {
    const problem = 'and graph.secondClientSecret are both set; keep the one that is to step in.'
    return [{ field, problem }]
  }
  if (second !== values['graph.certificateId']) return []
  return [{ field, problem: 'is the certificate that the tenant uses already; choose another.' }]
}

export function checkThumbprint(field: FieldPath, thumbprint: string): FieldProblem[] {
  if (thumbprintPattern.test(thumbprint)) return []
  return [{ field, problem: 'must be 40 hexadecimal digits (SHA-1), as Entra shows it, or 64.' }]
}

function checkCertificate({ values, certificate }: Proposal): FieldProblem[] {
  const field = 'graph.certificateThumbprint'
  const thumbprint = values[field]
  if (thumbprint === undefined) return []
  const malformed = checkThumbprint(field, thumbprint)
  if (malformed.length > 0 || certificate === undefined) return malformed
  if (thumbprint === certificate.thumbprint || thumbprint === certificate.thumbprintSha256)
    return []
  const problem = `is not that of the chosen certificate (${certificate.thumbprint}); choose the other certificate or clear the thumbprint.`
  return [{ field, problem }]
}

function checkProxies({ held }: Proposal): FieldProblem[] {
  if (!held.has('graph.proxy') || !held.has('graph.secureProxy')) return []
  const problem = 'and graph.proxy are both set; keep the one that is right and clear the other.'
  return [{ field: 'graph.secureProxy', problem }]
}

function checkExchange(proposal: Proposal): FieldProblem[] {
  const { values, held } = proposal
  if (!values['exchange.enabled']) return []
  const problems: FieldProblem[] = []
  const organization = values['exchange.organization']
  if (organization === undefined) {
    problems.push(
      ...required(proposal, 'exchange.organization', 'because Microsoft Exchange is enabled'),
    )
  } else if (!domainPattern.test(organization)) {
    const problem = 'must be a domain of the tenant, such as contoso.onmicrosoft.com.'
    problems.push({ field: 'exchange.organization', problem })
  }
  const field = 'exchange.certificateThumbprint'
  if (!held.has(field) && values['graph.certificateId'] === undefined) {
    const problem =
      'or graph.certificateId is required: Exchange Online signs applications in by certificate only.'
    problems.push({ field, problem })
  }
  return problems
}

function required(proposal: Proposal, field: FieldPath, when: string): FieldProblem[] {
  if (proposal.values[field] !== undefined || proposal.held.has(field)) return []
  if (proposal.dropped.has(field)) return [{ field, problem: giveAnew(proposal, field) }]
  return [{ field, problem: `is required ${when}.` }]
}

function giveAnew({ dropped }: Proposal, field: FieldPath): string {
  const changed = (dropped.get(field) ?? []).join(' and ')
  return `must be given anew, because ${changed} changed: the stored one is never sent to another place.`
}
