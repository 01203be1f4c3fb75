import { isIP } from 'node:net'
import type { AddressKind } from '../core/addressKind.ts'
import { badInput } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import { Sealed } from '../core/secret.ts'

/** An address somebody typed, taken apart and normalised. Its IP is checked at connect. */
export interface Endpoint {
  kind: AddressKind
  scheme: string
  /** Lower case, ASCII (IDN encoded); an IPv6 address without brackets. */
  host: string
  port: number
  /** `https://host` or `https://host:8443`: what a destination lists. */
  origin: string
  /** `/` unless a path is allowed and given. */
  path: string
  user: string | undefined
  password: Sealed | undefined
}

interface Reading {
  /** Allowed schemes with their default ports; a bare host has the first of them. */
  schemes: Readonly<Record<string, number>>
  /** A host and nothing else: no scheme, port or path. */
  bare?: boolean
  userinfo?: boolean
  path?: boolean
}

/** How each kind is read. Which ports it may have is for the policy to say (`policy.ts`). */
const readings: Readonly<Record<AddressKind, Reading>> = {
  proxy: { schemes: { https: 443, http: 80 }, userinfo: true },
  // WinRM over TLS. Over plain http its port follows from the explicit switch, not from an address.
  'windows-computer': { schemes: { https: 5986 }, bare: true },
  webhook: { schemes: { https: 443 }, path: true },
}

const shape = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/i

/**
 * Reads an address, or throws bad-input naming `field` (`graph.proxy`). Hosts in decimal, octal or
 * hex form become the IPv4 address they mean, so that the check at connect sees through them.
 */
export function parseEndpoint(kind: AddressKind, field: string, text: string): Endpoint {
  const reading = readings[kind]
  const refuse = (problem: string) => badInput(field, problem)
  if (text.length > limits.fieldCharsMax) throw refuse('is too long')
  // URL drops tabs and newlines and turns `\` into `/`: what is used would not be what was typed.
  if (/[\s\\\p{Cc}]/u.test(text)) throw refuse('may not hold spaces, control characters or \\')
  const { scheme, authority, rest, defaultPort } = reading.bare
    ? readBare(text, reading, refuse)
    : readUrl(text, reading, refuse)
  // Readers differ on which of two ends the password and begins the host.
  if (authority.split('@').length > 2) throw refuse('may hold one @; write that of a password %40')
  if (!lettersPattern.test(hostIn(authority))) throw refuse(noHost)
  const url = parseAsHttps(authority, rest)
  if (url === undefined || url.hostname === '') throw refuse('is not an address')
  if (url.hostname.endsWith('.')) throw refuse('may not end its host with a dot')
  if (!isHost(url.hostname)) throw refuse(noHost)
  if (authority.includes('@') && !reading.userinfo) throw refuse('may not hold a user or password')
  if (url.hash !== '' || rest.includes('#')) throw refuse('may not hold a fragment')
  if (rest.includes('?')) throw refuse('may not hold a query')
  if (url.pathname !== '/' && !reading.path) throw refuse('may not hold a path')
  const port = portOf(authority) ?? defaultPort
  if (port < 1 || port > 65_535) throw refuse('has no valid port')
  return {
    kind,
    scheme,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port,
    origin: `${scheme}://${url.hostname}${port === defaultPort ? '' : `:${port}`}`,
    path: url.pathname,
    user: url.username === '' ? undefined : decode(url.username, refuse),
    password: url.password === '' ? undefined : new Sealed(decode(url.password, refuse)),
  }
}

interface Parts {
  scheme: string
  authority: string
  rest: string
  defaultPort: number
}

type Refuse = (problem: string) => Error

function readUrl(text: string, { schemes }: Reading, refuse: Refuse): Parts {
  const [, given = '', authority = '', rest = ''] = shape.exec(text) ?? []
  const scheme = given.toLowerCase()
  const defaultPort = Object.hasOwn(schemes, scheme) ? schemes[scheme] : undefined
  if (defaultPort !== undefined) return { scheme, authority, rest, defaultPort }
  const known = Object.keys(schemes).map((name) => `${name}://`)
  throw refuse(`must begin with ${known.join(' or ')}`)
}

function readBare(text: string, { schemes }: Reading, refuse: Refuse): Parts {
  const [[scheme, defaultPort] = ['https', 443]] = Object.entries(schemes)
  const authority = isIP(text) === 6 ? `[${text}]` : text
  // A colon elsewhere than within brackets stands before a port.
  if (/[/?#@]/.test(text) || /:[^\]]*$/.test(authority)) {
    throw refuse('must be a host name or an IP address, without scheme, port or path.')
  }
  return { scheme, authority, rest: '', defaultPort }
}

/** URL normalises hosts of "special" schemes only, so every scheme is read as if it were https. */
function parseAsHttps(authority: string, rest: string): URL | undefined {
  const text = `https://${authority}${rest}`
  return URL.canParse(text) ? new URL(text) : undefined
}

const noHost = 'has a host that is no name and no IP address'
/** Of any alphabet, for IDN; no quotes or signs that IDN would hide in a name, no other dots. */
const lettersPattern = /^[\p{L}\p{M}\p{Nd}._-]*$|^\[.*\]$/u
const namePattern =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/

/**
 * URL lets through what no name holds (`$`, `;`, quotes, backticks): whatever else might read a
 * host one day must not find anything in it.
 */
export function isHost(hostname: string): boolean {
  return hostname.startsWith('[') || namePattern.test(hostname)
}

function hostIn(authority: string): string {
  return authority.slice(authority.lastIndexOf('@') + 1).replace(/:\d{1,5}$/, '')
}

function portOf(authority: string): number | undefined {
  const digits = /:(\d{1,5})$/.exec(authority)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

function decode(text: string, refuse: Refuse): string {
  try {
    const plain = decodeURIComponent(text)
    // CR or LF here would become header lines towards the proxy.
    if (!/\p{Cc}/u.test(plain)) return plain
  } catch {
    // Falls through: a lone `%` is not an escape.
  }
  throw refuse('has a user or password with characters that cannot be sent')
}
