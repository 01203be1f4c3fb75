import { appRoleName } from '../../catalogue/permissions.ts'
import type { Clock } from '../../core/clock.ts'
import { AppError } from '../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import { getCall, itemsOf, pagesOf } from './pages.ts'
import type { GraphTransport } from './transport.ts'

/** What a connection test reads. `unknown`: the application may not read it, which is no fault. */
export type Perhaps<T> = T | 'unknown'

export interface OrganizationFacts {
  id: string
  displayName: string
  domains: { name: string; isDefault: boolean; isInitial: boolean }[]
  /** Our clock minus Graph's, in milliseconds; the header has whole seconds. */
  clockSkewMs: number | undefined
}

export interface PrincipalFacts {
  /** Object id of the service principal: what roles are assigned to. */
  id: string
  displayName: string
  enabled: boolean
}

/** An application permission; named by its id when the catalogue does not know it. */
export interface GrantedPermission {
  name: string
  /** The service it is for: `Microsoft Graph`. */
  service: string
}

export interface CredentialEnd {
  kind: 'secret' | 'certificate'
  keyId: string
  name: string
  endsAt: string
  /** Of a secret its first three characters, which tell which one it is. */
  hint: string
}

/** Delegated administration of a customer, as the partner's tenant knows it (GDAP). */
export interface Delegation {
  id: string
  name: string
  customer: string
  status: string
  endsAt: string
  /** Microsoft extends it by itself. */
  extends: boolean
}

export async function readOrganization(
  transport: GraphTransport,
  clock: Clock,
  signal: AbortSignal,
): Promise<OrganizationFacts> {
  const query = { $select: 'id,displayName,verifiedDomains' }
  const answer = await transport.send(getCall(['organization'], query, 1), { signal })
  const [organization] = itemsOf(answer)
  const date = Date.parse(answer.headers.date ?? '')
  const domains = isJsonObject(organization) ? organization.verifiedDomains : []
  return {
    id: text(organization, 'id'),
    displayName: text(organization, 'displayName'),
    domains: (Array.isArray(domains) ? domains : []).filter(isJsonObject).map((domain) => ({
      name: text(domain, 'name'),
      isDefault: domain.isDefault === true,
      isInitial: domain.isInitial === true,
    })),
    clockSkewMs: Number.isNaN(date) ? undefined : clock.now() - date,
  }
}

/** The application as the tenant knows it; undefined when it has not been consented to there. */
export function readPrincipal(
  transport: GraphTransport,
  clientId: string,
  signal: AbortSignal,
): Promise<Perhaps<PrincipalFacts | undefined>> {
  const query = { $filter: byAppId(clientId), $select: 'id,displayName,accountEnabled' }
  return unlessForbidden(async () => {
    const [found] = await readAll(transport, ['servicePrincipals'], query, signal)
    return (
      found && {
        id: text(found, 'id'),
        displayName: text(found, 'displayName'),
        enabled: found.accountEnabled !== false,
      }
    )
  })
}

/** From the tenant's own record of consent; the token's claims are Graph's to read, not ours. */
export function readGrantedPermissions(
  transport: GraphTransport,
  principalId: string,
  signal: AbortSignal,
): Promise<Perhaps<GrantedPermission[]>> {
  const path = ['servicePrincipals', principalId, 'appRoleAssignments']
  return unlessForbidden(async () => {
    const granted = await readAll(transport, path, {}, signal)
    return granted.map((each) => {
      const id = text(each, 'appRoleId')
      return { name: appRoleName(id) ?? id, service: text(each, 'resourceDisplayName') }
    })
  })
}

/** Display names of the directory roles the application holds for the whole tenant. */
export function readDirectoryRoles(
  transport: GraphTransport,
  principalId: string,
  signal: AbortSignal,
): Promise<Perhaps<string[]>> {
  const path = ['roleManagement', 'directory', 'roleAssignments']
  const query = {
    $filter: `principalId eq '${principalId.replaceAll("'", "''")}'`,
    $expand: 'roleDefinition',
  }
  return unlessForbidden(async () => {
    const assigned = await readAll(transport, path, query, signal)
    // A role for an administrative unit only (`/administrativeUnits/...`) does not count.
    const whole = assigned.filter(({ directoryScopeId }) => (directoryScopeId ?? '/') === '/')
    return whole.map(({ roleDefinition }) => text(roleDefinition, 'displayName')).sort()
  })
}

/** When the secrets and certificates of the app registration end. */
export function readCredentialEnds(
  transport: GraphTransport,
  clientId: string,
  signal: AbortSignal,
): Promise<Perhaps<CredentialEnd[]>> {
  const query = { $filter: byAppId(clientId), $select: 'passwordCredentials,keyCredentials' }
  return unlessForbidden(async () => {
    const [application] = await readAll(transport, ['applications'], query, signal)
    // An app registration lives in its home tenant; in a customer's there is only the principal.
    if (application === undefined) return 'unknown'
    return [
      ...ends('secret', application.passwordCredentials),
      ...ends('certificate', application.keyCredentials),
    ]
  })
}

function ends(kind: CredentialEnd['kind'], credentials: Json | undefined): CredentialEnd[] {
  return (Array.isArray(credentials) ? credentials : []).filter(isJsonObject).map((each) => ({
    kind,
    keyId: text(each, 'keyId'),
    name: text(each, 'displayName'),
    endsAt: text(each, 'endDateTime'),
    hint: text(each, 'hint'),
  }))
}

/**
 * What the tenant administers elsewhere; empty in one that is no partner's. `autoExtendDuration`
 * is PT0S or P0D where nothing is extended (the resource's page in Graph's reference).
 */
export function readDelegations(
  transport: GraphTransport,
  signal: AbortSignal,
): Promise<Perhaps<Delegation[]>> {
  const path = ['tenantRelationships', 'delegatedAdminRelationships']
  return unlessForbidden(async () => {
    const found = await readAll(transport, path, {}, signal)
    return found.slice(0, limits.gdapMax).map((each) => ({
      id: text(each, 'id'),
      name: text(each, 'displayName'),
      customer: text(each.customer, 'displayName'),
      status: text(each, 'status'),
      endsAt: text(each, 'endDateTime'),
      extends: !['', 'PT0S', 'P0D'].includes(text(each, 'autoExtendDuration')),
    }))
  })
}

async function unlessForbidden<T>(read: () => Promise<T>): Promise<T | 'unknown'> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof AppError && error.code === 'consent-missing') return 'unknown'
    throw error
  }
}

async function readAll(
  transport: GraphTransport,
  path: readonly string[],
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<JsonObject[]> {
  const found: JsonObject[] = []
  for await (const page of pagesOf(transport, getCall(path, query, 2), signal)) {
    found.push(...page.filter(isJsonObject))
  }
  return found
}

function byAppId(clientId: string): string {
  return `appId eq '${clientId.replaceAll("'", "''")}'`
}

function text(object: Json | undefined, name: string): string {
  const value = isJsonObject(object) ? object[name] : undefined
  return typeof value === 'string' ? value : ''
}
