import { badInput } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import { Sealed } from '../core/secret.ts'

/** An address somebody typed, taken apart and normalised. Its IP is checked at connect. */
export interface Endpoint {
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

export interface EndpointRules {
  /** The name of the input, for the error: `graph.proxy`. */
  field: string
  /** Allowed schemes with their default ports: `{ https: 443 }`. */
  schemes: Readonly<Record<string, number>>
  /** Allowed ports; absent: only the default port of the scheme. */
  ports?: readonly number[] | 'any'
  userinfo?: boolean
  path?: boolean
}

const shape = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/i

/**
 * Reads an address by rules, or throws bad-input naming the field. Hosts in decimal, octal or hex
 * form become the IPv4 address they mean, so that the check at connect sees through them.
 */
export function parseEndpoint(text: string, rules: EndpointRules): Endpoint {
  const refuse = (problem: string) => badInput(rules.field, problem)
  if (text.length > limits.fieldCharsMax) throw refuse('is too long')
  // URL drops tabs and newlines and turns `\` into `/`: what is used would not be what was typed.
  if (/[\s\\\p{Cc}]/u.test(text)) throw refuse('may not hold spaces, control characters or \\')
  const [, given = '', authority = '', rest = ''] = shape.exec(text) ?? []
  const scheme = given.toLowerCase()
  const defaultPort = Object.hasOwn(rules.schemes, scheme) ? rules.schemes[scheme] : undefined
  if (defaultPort === undefined) {
    const known = Object.keys(rules.schemes).map((name) => `${name}://`)
    throw refuse(`must begin with ${known.join(' or ')}`)
  }
  const url = parseAsHttps(authority, rest)
  if (url === undefined || url.hostname === '') throw refuse('is not an address')
  if (url.hostname.endsWith('.')) throw refuse('may not end its host with a dot')
  if (authority.includes('@') && !rules.userinfo) throw refuse('may not hold a user or password')
  if (url.hash !== '' || rest.includes('#')) throw refuse('may not hold a fragment')
  if (rest.includes('?')) throw refuse('may not hold a query')
  if (url.pathname !== '/' && !rules.path) throw refuse('may not hold a path')
  const port = portOf(authority) ?? defaultPort
  const ports = rules.ports ?? [defaultPort]
  if (port < 1 || port > 65_535 || (ports !== 'any' && !ports.includes(port))) {
    throw refuse(ports === 'any' ? 'has no valid port' : `must use port ${ports.join(' or ')}`)
  }
  return {
    scheme,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port,
    origin: `${scheme}://${url.hostname}${port === defaultPort ? '' : `:${port}`}`,
    path: url.pathname,
    user: url.username === '' ? undefined : decode(url.username, refuse),
    password: url.password === '' ? undefined : new Sealed(decode(url.password, refuse)),
  }
}

/** URL normalises hosts of "special" schemes only, so every scheme is read as if it were https. */
function parseAsHttps(authority: string, rest: string): URL | undefined {
  const text = `https://${authority}${rest}`
  return URL.canParse(text) ? new URL(text) : undefined
}

function portOf(authority: string): number | undefined {
  const digits = /:(\d{1,5})$/.exec(authority)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

function decode(text: string, refuse: (problem: string) => Error): string {
  try {
    const plain = decodeURIComponent(text)
    // CR or LF here would become header lines towards the proxy.
    if (!/\p{Cc}/u.test(plain)) return plain
  } catch {
    // Falls through: a lone `%` is not an escape.
  }
  throw refuse('has a user or password with characters that cannot be sent')
}
