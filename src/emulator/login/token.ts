import { appRoleId, exchangeManageAsApp, resourceAppIds } from '../../catalogue/permissions.ts'
import { type Cloud, type CloudName, clouds, serves } from '../clouds.ts'
import { directoryRoleIds } from '../directory/roles.ts'
import type { AppRegistration, Tenant } from '../directory/types.ts'
import { jsonReply, type Reply, type Request } from '../exchange.ts'
import { randomGuid } from '../random.ts'
import { signInWith } from './credentials.ts'
import { refusal } from './errors.ts'
import { signToken } from './keys.ts'
import type { LoginState } from './state.ts'

export interface Resource {
  /** What a token for it names as audience. */
  audience: string
  appId: string
}

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * Answers `POST /{tenant}/oauth2/v2.0/token`, which is asked for a scope, and its predecessor
 * `/{tenant}/oauth2/token`, asked for a resource (learn.microsoft.com:
 * v1-oauth2-client-creds-grant-flow); throws a TokenRefusal.
 */
export function answerToken(
  state: LoginState,
  tenant: Tenant,
  request: Request,
  version: 1 | 2,
): Reply {
  const form = new URLSearchParams(request.body.toString('utf8'))
  const grant = form.get('grant_type') ?? ''
  if (grant !== 'client_credentials') throw refusal('unknown grant', { x: grant })
  const { clientId, secret } = clientOf(request, form)
  if (!guid.test(clientId)) throw refusal('malformed client_id', { guid: clientId })
  const { app } = tenant
  if (clientId.toLowerCase() !== app.clientId || app.consentedAt === undefined) {
    throw refusal('app not in tenant', { appId: clientId, tenant: tenant.displayName })
  }
  const scope = version === 1 ? `${form.get('resource') ?? ''}/.default` : form.get('scope')
  if (!scope?.endsWith('/.default')) throw refusal('scope without /.default', { s: scope ?? '' })
  const method = signInWith(state, tenant, form, secret)
  const name = scope.slice(0, -'/.default'.length)
  const resource = resourceNamed(name, clouds[tenant.cloud])
  if (resource === undefined) {
    throw refusal('resource not in tenant', { r: name, t: tenant.displayName })
  }
  const answer = version === 1 ? lifeInTexts(state, tenant, name) : life(tenant)
  return jsonReply(
    200,
    { ...answer, access_token: issueToken(state, tenant, resource, method) },
    { 'cache-control': 'no-store, no-cache', pragma: 'no-cache' },
  )
}

function life({ tokenSeconds }: Tenant) {
  return { token_type: 'Bearer', expires_in: tokenSeconds, ext_expires_in: tokenSeconds }
}

/** The first version writes numbers as text, and says what the token is for. */
function lifeInTexts({ clock }: LoginState, { tokenSeconds }: Tenant, resource: string) {
  const now = Math.floor(clock.now() / 1000)
  const seconds = String(tokenSeconds)
  const times = { expires_on: String(now + tokenSeconds), not_before: String(now - 300) }
  return { token_type: 'Bearer', expires_in: seconds, ext_expires_in: seconds, ...times, resource }
}

/** In the form, or as HTTP Basic credentials whose parts are form-encoded (RFC 6749, 2.3.1). */
function clientOf(
  request: Request,
  form: URLSearchParams,
): { clientId: string; secret: string | undefined } {
  const [scheme, encoded] = (request.headers.authorization ?? '').split(' ')
  if (scheme?.toLowerCase() !== 'basic' || encoded === undefined) {
    return {
      clientId: form.get('client_id') ?? '',
      secret: form.get('client_secret') ?? undefined,
    }
  }
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  const part = (value: string) => new URLSearchParams(`v=${value}`).get('v') ?? ''
  return { clientId: part(text.slice(0, colon)), secret: part(text.slice(colon + 1)) }
}

function resourceNamed(name: string, cloud: Cloud): Resource | undefined {
  const bare = name.replace(/\/$/, '')
  if (bare === `https://${cloud.graphHost}`) return { audience: bare, appId: resourceAppIds.graph }
  if (bare === resourceAppIds.graph) return { audience: bare, appId: bare }
  if (cloud.exchangeAudiences.includes(bare)) {
    return { audience: bare, appId: resourceAppIds.exchange }
  }
  if (bare === resourceAppIds.teamsAdministration) return { audience: bare, appId: bare }
  return undefined
}

/** A token of one cloud is good at no other one's Graph. */
export function isGraphAudience(audience: string, cloud: CloudName, host: string): boolean {
  const { graphHost } = clouds[cloud]
  return (
    (audience === resourceAppIds.graph || audience === `https://${graphHost}`) &&
    serves(host, cloud)
  )
}

/** A token as Graph issues them: version 1, with the roles that are granted at this moment. */
function issueToken(
  state: LoginState,
  tenant: Tenant,
  resource: Resource,
  method: 'secret' | 'certificate',
): string {
  const { app } = tenant
  const issuer = `${clouds[tenant.cloud].tokenIssuer}/${tenant.id}/`
  const now = Math.floor(state.clock.now() / 1000)
  return signToken(state.keys, {
    aud: resource.audience,
    iss: issuer,
    iat: now - 300,
    nbf: now - 300,
    exp: now + tenant.tokenSeconds,
    app_displayname: app.displayName,
    appid: app.clientId,
    appidacr: method === 'secret' ? '1' : '2',
    idp: issuer,
    idtyp: 'app',
    oid: app.servicePrincipalId,
    roles: rolesFor(app, resource),
    sub: app.servicePrincipalId,
    tid: tenant.id,
    uti: Buffer.from(randomGuid(state.random)).toString('base64url').slice(0, 22),
    ver: '1.0',
    wids: app.directoryRoles.flatMap((name) => directoryRoleIds[name] ?? []),
  })
}

function rolesFor(app: AppRegistration, resource: Resource): string[] {
  const ofExchange = resource.appId === resourceAppIds.exchange
  return app.roles.filter((role) => {
    if (role === exchangeManageAsApp.name) return ofExchange
    return resource.appId === resourceAppIds.graph && appRoleId(role) !== undefined
  })
}

/** A token that is good, but for another service than was asked for. */
export function foreignToken(state: LoginState, tenantId: string): string {
  const tenant = state.tenants.get(tenantId)
  if (tenant === undefined) return ''
  const resource = { audience: 'https://management.azure.com', appId: '' }
  return issueToken(state, tenant, resource, 'secret')
}
