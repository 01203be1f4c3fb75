import { createHmac, timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../core/errors.ts'
import { Sealed } from '../core/secret.ts'

/** Cookies by what they are for. `way` binds a round trip to somebody else's sign-in page. */
export type CookieName = 'session' | 'device' | 'way'

/** What a request tells of who sent it, and what its browser is to keep. */
export interface Browser {
  /** The address of the client: of the last one that is no proxy we trust. */
  address: string
  cookie(name: CookieName): Sealed | undefined
  /** `maxAgeMs` absent: until the browser ends. */
  setCookie(name: CookieName, secret: Sealed, maxAgeMs?: number): void
  clearCookie(name: CookieName): void
}

export interface BrowserRules {
  /** `https://patchbay.example.com` where a proxy hides what the browser asked for. */
  publicOrigin?: string | undefined
  /** Of whom `X-Forwarded-For` is believed. Absent: of nobody. */
  isTrustedProxy?: ((address: string) => boolean) | undefined
}

const csrfHeader = 'x-csrf-token'

/**
 * `__Host-`: a browser takes and sends it only over TLS, for this host alone and for every path,
 * so that no neighbouring host can plant one (RFC 6265bis section 4.1.3.2). Chromium and Firefox
 * count plain http on loopback as secure; elsewhere over plain http nobody stays signed in.
 */
const prefix = '__Host-patchbay-'

export function browserOf(
  request: FastifyRequest,
  reply: FastifyReply,
  rules: BrowserRules,
): Browser {
  return {
    address: addressOf(request, rules.isTrustedProxy),
    cookie: (name) => cookieOf(request, name),
    setCookie: (name, secret, maxAgeMs) => {
      const age = maxAgeMs === undefined ? '' : `; Max-Age=${Math.floor(maxAgeMs / 1_000)}`
      keep(reply, name, `${secret.reveal()}${age}`)
    },
    clearCookie: (name) => keep(reply, name, '; Max-Age=0'),
  }
}

/** Lax, for a link in a mail is to find its reader signed in; no GET changes anything. */
function keep(reply: FastifyReply, name: CookieName, value: string): void {
  reply.header('set-cookie', `${prefix}${name}=${value}; Path=/; Secure; HttpOnly; SameSite=Lax`)
}

/** Of our own alphabet only: what else stands there was not set by us. */
export function cookieOf({ headers }: FastifyRequest, name: CookieName): Sealed | undefined {
  const start = `${prefix}${name}=`
  const found = (headers.cookie ?? '').split('; ').find((each) => each.startsWith(start))
  const value = found?.slice(start.length)
  return value !== undefined && /^[\w-]{1,256}$/.test(value) ? new Sealed(value) : undefined
}

/**
 * What a page has to send along with a write: known to pages that may read our answers, which other
 * sites may not. It follows from the session, so that nothing more is kept.
 */
export function csrfTokenOf(session: Sealed): string {
  return createHmac('sha256', session.reveal()).update('csrf').digest('base64url')
}

/** Throws `not-permitted` unless a write that comes with a cookie was sent by a page of ours. */
export function requireOwnPage(
  request: FastifyRequest,
  rules: BrowserRules,
  session: Sealed,
): void {
  requireSameOrigin(request, rules)
  const given = Buffer.from(String(request.headers[csrfHeader] ?? ''))
  const wanted = Buffer.from(csrfTokenOf(session))
  if (request.headers.origin === undefined) throw foreignPage('it does not say from where')
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
    throw foreignPage(`the header ${csrfHeader} is not that of the session`)
  }
}

/**
 * Throws `not-permitted` for a write that says it comes from another site. Clients that are no
 * browsers say nothing.
 */
export function requireSameOrigin({ headers }: FastifyRequest, rules: BrowserRules): void {
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin') throw foreignPage('another site sent it')
  const { origin } = headers
  if (origin === undefined || origin === rules.publicOrigin) return
  const ours = URL.canParse(origin) && new URL(origin).host === headers.host
  if (!ours) throw foreignPage('another site sent it')
}

function foreignPage(why: string): AppError {
  return new AppError(
    'not-permitted',
    `A write with a cookie has to come from a page of Patchbay: ${why}. Nothing was done.`,
  )
}

/** The last address of the way here that is not one of our own proxies. */
function addressOf(request: FastifyRequest, isTrusted: BrowserRules['isTrustedProxy']): string {
  const peer = request.socket.remoteAddress ?? ''
  if (isTrusted === undefined) return peer
  const told = String(request.headers['x-forwarded-for'] ?? '').split(',')
  const way = [...told.map((part) => part.trim()), peer]
  const client = way.findLast((address) => !isTrusted(address)) ?? peer
  return /^[\da-f.:]{2,45}$/i.test(client) ? client : peer
}
