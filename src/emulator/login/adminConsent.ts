import { grantConsent } from '../directory/consent.ts'
import { findTenant } from '../directory/findTenant.ts'
import type { Tenant } from '../directory/types.ts'
import { pathParts, type Reply, type Request } from '../exchange.ts'
import { refusal, TokenRefusal } from './errors.ts'
import type { LoginState } from './state.ts'

/**
 * Where an administrator lets an application into the tenant: `/{tenant}/adminconsent`, or
 * `/{tenant}/v2.0/adminconsent`, which names a scope and answers it. The administrator of the
 * emulated tenant says yes at once; saying no is a fault. `organizations` and `common` let the
 * administrator choose where there is more than one tenant.
 */
export function answerAdminConsent(state: LoginState, request: Request, declined = false): Reply {
  try {
    const asked = readAsked(state, request)
    const { tenants } = asked
    if (declined) return backTo(asked, refusedAnswer(asked))
    const [tenant] = tenants
    if (tenant === undefined) throw refusal('tenant not found', { t: asked.tenantName })
    if (tenants.length > 1) return chooser(request, tenants)
    grantConsent(tenant, state.clock.now())
    return backTo(asked, { admin_consent: 'True', tenant: tenant.id, ...asked.echoed })
  } catch (thrown) {
    if (!(thrown instanceof TokenRefusal)) throw thrown
    // Never sent to an address that could not be checked.
    return page(thrown.status, 'Sign in', `AADSTS${thrown.aadsts}: ${thrown.message}`)
  }
}

function refusedAnswer({ version, echoed }: Asked): Record<string, string> {
  if (version === 1) {
    const error_description = 'The admin canceled the request'
    return { error: 'permission_denied', error_description, ...echoed }
  }
  const error_description =
    'AADSTS65004: The resource owner or authorization server denied the request.'
  return { error: 'consent_required', error_description, admin_consent: 'True', ...echoed }
}

interface Asked {
  version: 1 | 2
  tenantName: string
  /** Where it can be granted. */
  tenants: Tenant[]
  redirectUri: string
  /** What is given back as it came. */
  echoed: Record<string, string>
}

function readAsked(state: LoginState, request: Request): Asked {
  const [tenantName = '', ...rest] = pathParts(request.path)
  const query = new URLSearchParams(request.queryText)
  const version = rest[0] === 'v2.0' ? 2 : 1
  const needed = (name: string) => {
    const value = query.get(name)
    if (value !== null && value !== '') return value
    const text = `The request body must contain the following parameter: '${name}'.`
    throw new TokenRefusal(400, 'invalid_request', 900144, text)
  }
  const appId = needed('client_id').toLowerCase()
  const scope = version === 2 ? { scope: needed('scope') } : {}
  const stated = query.get('state')
  const candidates = ['common', 'organizations'].includes(tenantName.toLowerCase())
    ? [...state.tenants.values()]
    : [findTenant(state.tenants, tenantName, request.host)].filter((one) => one !== undefined)
  if (candidates.length === 0) throw refusal('tenant not found', { t: tenantName })
  const tenants = candidates.filter(({ app }) => app.clientId === appId)
  const [first] = tenants
  if (first === undefined) throw refusal('app not in tenant', { appId, tenant: tenantName })
  const redirectUri = query.get('redirect_uri') ?? first.app.redirectUris[0] ?? ''
  if (!isRegistered(first, redirectUri)) {
    const text = `The redirect URI '${redirectUri}' specified in the request does not match the redirect URIs configured for the application '${appId}'.`
    throw new TokenRefusal(400, 'invalid_request', 50011, text)
  }
  const echoed = { ...scope, ...(stated === null ? {} : { state: stated }) }
  return { version, tenantName, tenants, redirectUri, echoed }
}

/** Where none is registered, any address over TLS or of this machine is taken for one that is. */
function isRegistered({ app }: Tenant, text: string): boolean {
  if (app.redirectUris.length > 0) return app.redirectUris.includes(text)
  const url = URL.canParse(text) ? new URL(text) : undefined
  const loopback = url?.hostname === 'localhost' || url?.hostname === '127.0.0.1'
  return url?.protocol === 'https:' || (loopback && url?.protocol === 'http:')
}

function backTo({ redirectUri }: Asked, answer: Record<string, string>): Reply {
  const url = new URL(redirectUri)
  for (const [name, value] of Object.entries(answer)) url.searchParams.set(name, value)
  return {
    status: 302,
    headers: { location: url.href, 'cache-control': 'no-store' },
    body: '',
    rows: 0,
  }
}

/** The page on which an administrator of several tenants says which. */
function chooser(request: Request, tenants: readonly Tenant[]): Reply {
  const [, ...rest] = pathParts(request.path)
  const links = tenants.map(({ id, displayName }) => {
    const address = `/${id}/${rest.join('/')}?${request.queryText}`
    return `<li><a href="${escaped(address)}">${escaped(displayName)}</a></li>`
  })
  return html(200, 'Pick an organization', `<ul>${links.join('')}</ul>`)
}

function page(status: number, title: string, text: string): Reply {
  return html(status, title, `<p>${escaped(text)}</p>`)
}

function html(status: number, title: string, content: string): Reply {
  const body = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>${title}</title></head><body><h1>${title}</h1>${content}</body></html>`
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'",
  }
  return { status, headers, body, rows: 0 }
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
