import { findTenant } from '../directory/findTenant.ts'
import { headerText, jsonReply, pathParts, type Reply, type Request } from '../exchange.ts'
import { randomGuid } from '../random.ts'
import { answerAdminConsent } from './adminConsent.ts'
import { answerDiscovery, answerInstances, answerKeys } from './discovery.ts'
import { refusal, refusalReply, TokenRefusal } from './errors.ts'
import type { LoginState } from './state.ts'
import { answerToken } from './token.ts'

/** Everything under login.microsoftonline.com. */
export function answerLogin(state: LoginState, request: Request): Reply {
  const correlationId = correlationIdOf(state, request)
  try {
    return route(state, request)
  } catch (thrown) {
    if (thrown instanceof TokenRefusal) return refusalReply(state, thrown, correlationId)
    throw thrown
  }
}

function route(state: LoginState, request: Request): Reply {
  const [name = '', ...rest] = pathParts(request.path)
  const action = `${request.method} ${rest.join('/')}`
  if (action === 'GET discovery/instance') return answerInstances(request)
  if (/^GET (v2\.0\/)?adminconsent$/i.test(action)) return answerAdminConsent(state, request)
  const tenant = findTenant(state.tenants, name, request.host)
  if (tenant === undefined) throw unknownTenant(name, rest)
  switch (action) {
    case 'POST oauth2/v2.0/token':
      return answerToken(state, tenant, request, 2)
    case 'POST oauth2/token':
      return answerToken(state, tenant, request, 1)
    case 'GET v2.0/.well-known/openid-configuration':
    case 'GET .well-known/openid-configuration':
      return answerDiscovery(tenant, request)
    case 'GET discovery/v2.0/keys':
    case 'GET discovery/keys':
      return answerKeys(state, tenant)
    default:
      return jsonReply(404, { error: 'not_found' })
  }
}

function unknownTenant(name: string, rest: readonly string[]): TokenRefusal {
  const proper = /^[0-9a-f-]{36}$/i.test(name) || /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(name)
  if (!proper) return refusal('tenant id not a guid/domain', { x: name })
  const refused = refusal('tenant not found', { t: name })
  const atDiscovery = rest.includes('.well-known')
  return atDiscovery
    ? new TokenRefusal(400, 'invalid_tenant', refused.aadsts, refused.message)
    : refused
}

function correlationIdOf(state: LoginState, request: Request): string {
  const asked =
    headerText(request, 'client-request-id') ??
    new URLSearchParams(request.queryText).get('client-request-id')
  return asked ?? randomGuid(state.random)
}
