import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import type { Reply, Request } from '../exchange.ts'
import { gone, withEarlierDelta } from '../graph/delta.ts'
import { expiredPageToken } from '../graph/list.ts'
import { GraphRefusal, refuse, tooManyRequests } from '../graphErrors.ts'
import { answerAdminConsent } from '../login/adminConsent.ts'
import { foreignToken } from '../login/token.ts'
import type { FaultKind, FaultSpec } from './types.ts'

const statusCodes: Readonly<Record<number, string>> = {
  500: 'InternalServerError',
  502: 'BadGateway',
  503: 'ServiceUnavailable',
  504: 'GatewayTimeout',
  507: 'InsufficientStorage',
}

/** Every fault by its name. */
export const faultKinds: Readonly<Record<string, FaultKind>> = {
  throttle: {
    instead: (spec, call) =>
      tooManyRequests({
        ...retryAfterHeader(spec, '1'),
        'x-ms-throttle-scope': `Tenant_Application/ReadWrite/app/${call.tenantId ?? ''}`,
        'x-ms-throttle-information': 'ResourceUnitLimitExceeded',
      }),
  },
  status: {
    instead: (spec) => {
      const { status = 503 } = spec
      const code = statusCodes[status] ?? 'UnknownError'
      return new GraphRefusal(status, code, 'The service could not answer this request.', {
        headers: retryAfterHeader(spec, null),
      })
    },
  },
  forbidden: { instead: () => refuse('missing permission (directory)') },
  'expired-page-token': {
    befalls: ({ request }) => hasOption(request, 'skiptoken'),
    instead: () => expiredPageToken(),
  },
  /** What the link of a page gets whose request was sent twice. */
  'unknown-page-token': {
    befalls: ({ request }) => hasOption(request, 'skiptoken'),
    instead: () =>
      new GraphRefusal(
        400,
        'DirectoryPageTokenNotFoundException',
        'The page token of this request is not known.',
      ),
  },
  'expired-delta-token': {
    befalls: ({ request }) =>
      hasOption(request, 'deltatoken') && !/deltatoken=(latest)?(&|$)/i.test(request.queryText),
    instead: (_, { request }) => gone(request),
  },
  /** `value`: so many changes are told again; a hundred unless given. */
  'delta-replay': {
    befalls: ({ request }) => hasOption(request, 'deltatoken'),
    rewrite: (request, { value }, { state }) => {
      return withEarlierDelta(state.pageKey, request, typeof value === 'number' ? value : 100)
    },
  },
  redirect: {
    instead: ({ status = 302, value }) => plain(status, '', { location: String(value) }),
  },
  'empty-body': { instead: () => plain(200, '', { 'content-type': 'application/json' }) },
  'html-200': {
    instead: () =>
      plain(200, '<!DOCTYPE html><html><body>Sign in to your account</body></html>', {
        'content-type': 'text/html; charset=utf-8',
      }),
  },
  'wrong-token': {
    befalls: ({ service, request }) => service === 'login' && /token$/.test(request.path),
    alter: (reply, _, { state, tenantId }) => {
      const body: unknown = JSON.parse(reply.body)
      if (!isJsonObject(body) || tenantId === undefined) return reply
      return {
        ...reply,
        body: JSON.stringify({ ...body, access_token: foreignToken(state, tenantId) }),
      }
    },
  },
  'token-refused': {
    befalls: ({ service }) => service === 'graph',
    instead: () => refuse('wrong audience'),
  },
  'sign-in-refused': {
    befalls: ({ service, request }) => service === 'login' && /token$/.test(request.path),
    instead: (spec) => signInRefusal(spec),
  },
  /** A subscription has ended, and with it what Graph answers only to those who have one. */
  'licence-gone': {
    befalls: ({ service }) => service === 'graph',
    instead: () =>
      new GraphRefusal(
        403,
        'Authentication_RequestFromNonPremiumTenantOrB2CTenant',
        "Neither tenant is B2C or tenant doesn't have premium license",
      ),
  },
  'consent-declined': {
    befalls: ({ service, request }) => service === 'login' && /adminconsent$/i.test(request.path),
    instead: (_, { state, request }) => answerAdminConsent(state, request, true),
  },
  'foreign-next-link': {
    alter: (reply, { value }) =>
      inList(reply, (list) => ({ ...list, '@odata.nextLink': String(value) })),
  },
  'repeat-next-link': {
    alter: (reply, _, { request }) =>
      inList(reply, (list) => ({ ...list, '@odata.nextLink': addressOf(request) })),
  },
  'endless-next-link': {
    rewrite: (request) => ({ ...request, queryText: withoutEndless(request) }),
    alter: (reply, _, { request, state }) => {
      const query = withoutEndless(request)
      const token = `$skiptoken=endless${Math.floor(state.random() * 1e9)}`
      const link = addressOf({ ...request, queryText: query === '' ? token : `${query}&${token}` })
      return inList(reply, (list) => ({ ...list, '@odata.nextLink': link }))
    },
  },
  'duplicate-items': {
    alter: (reply) =>
      inItems(reply, (items) => [...items, ...items.filter((_, at) => at % 3 === 0)]),
  },
  'reorder-items': { alter: (reply) => inItems(reply, (items) => items.toReversed()) },
  'empty-list': {
    alter: (reply) =>
      inList(reply, ({ '@odata.nextLink': _, ...list }) => ({ ...list, value: [] })),
  },
  'half-missing': {
    alter: (reply) =>
      inItems(reply, (items) =>
        items.filter((item) => isJsonObject(item) && /^[0-7]/.test(String(item.id))),
      ),
  },
  'bad-object': {
    alter: (reply, { value }) =>
      inItems(reply, ([first = null, ...others]) => {
        const broken = isJsonObject(value) ? value : { displayName: { unexpected: true } }
        return isJsonObject(first) ? [{ ...first, ...broken }, ...others] : others
      }),
  },
  delay: {},
  'reset-before-headers': { wire: 'reset-before-headers' },
  'reset-after-headers': { wire: 'reset-after-headers' },
  'cut-body': { wire: 'cut-body' },
  'huge-body': { wire: 'huge-body' },
  'gzip-bomb': { wire: 'gzip-bomb' },
  drip: { wire: 'drip' },
  hang: { wire: 'hang' },
  'unknown-outcome': { wire: 'unknown-outcome' },
  'notification-lost': { notification: true },
  /** `value`: by so many milliseconds; a minute unless given. */
  'notification-late': { notification: true },
  'notification-duplicated': { notification: true },
}

function retryAfterHeader(spec: FaultSpec, otherwise: string | null): Record<string, string> {
  const text = spec.retryAfter === undefined ? otherwise : spec.retryAfter
  return text === null ? {} : { 'retry-after': text }
}

function plain(status: number, body: string, headers: Record<string, string>): Reply {
  return { status, headers, body, rows: 0 }
}

/** `value`: the AADSTS number; `Conditional Access` unless given. */
function signInRefusal(spec: FaultSpec): Reply {
  const code = typeof spec.value === 'number' ? spec.value : 53003
  const body = {
    error: code === 53003 ? 'invalid_grant' : 'invalid_client',
    error_description: `AADSTS${code}: The sign-in was refused.`,
    error_codes: [code],
  }
  return plain(spec.status ?? 400, JSON.stringify(body), { 'content-type': 'application/json' })
}

function hasOption(request: Request, name: string): boolean {
  return new RegExp(`(^|&)(\\$|%24)${name}=`, 'i').test(request.queryText)
}

function addressOf(request: Request): string {
  const query = request.queryText === '' ? '' : `?${request.queryText}`
  return `https://${request.host}${request.path}${query}`
}

function withoutEndless(request: Request): string {
  return request.queryText
    .split('&')
    .filter((part) => !/^(\$|%24)skiptoken=endless/i.test(part))
    .join('&')
}

/** Changes the answer where it is a list, and leaves it as it is where not. */
function inList(reply: Reply, change: (list: JsonObject) => JsonObject): Reply {
  if (reply.status !== 200 || reply.shape?.many !== true) return reply
  const list: unknown = JSON.parse(reply.body)
  return isJsonObject(list) ? { ...reply, body: JSON.stringify(change(list)) } : reply
}

function inItems(reply: Reply, change: (items: Json[]) => Json[]): Reply {
  return inList(reply, (list) => ({
    ...list,
    value: Array.isArray(list.value) ? change(list.value) : [],
  }))
}

/** How long a `delay` holds the answer back. */
export function delayOf(spec: FaultSpec | undefined): number {
  return spec?.name === 'delay' && typeof spec.value === 'number' ? spec.value : 0
}
