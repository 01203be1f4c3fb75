import { isIP, type LookupFunction } from 'node:net'
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { Agent, type Dispatcher, Pool, ProxyAgent } from 'undici'
import { AppError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import { type AddressCheck, createAddressCheck } from './addresses.ts'
import type { Destination, WebProxy } from './destination.ts'

export interface ResolvedAddress {
  address: string
  family: 4 | 6
}

/** Name resolution as an argument: all addresses of a host. */
export type Lookup = (host: string) => Promise<readonly ResolvedAddress[]>

/** How long each stage of an exchange may take, in milliseconds. */
export interface Patience {
  connectMs: number
  headersMs: number
  bodyIdleMs: number
  exchangeMs: number
}

export function addressRefused(host: string): AppError {
  return new AppError(
    'address-refused',
    `${host} is at an address that Patchbay may not call here (private, reserved, or not on the list of the node). Nothing was sent. If it is right, an administrator allows its range, in the configuration of the server and by patchbay egress allow.`,
  )
}

/** Connections to one destination, directly or through its proxy. Verifies TLS always. */
export function createDispatcher(
  destination: Destination,
  proxy: WebProxy | undefined,
  lookup: Lookup,
  patience: Patience,
): Dispatcher {
  const pool = {
    connections: limits.connectionsPerOrigin,
    pipelining: 1,
    headersTimeout: patience.headersMs,
    bodyTimeout: patience.bodyIdleMs,
    keepAliveTimeout: limits.keepAliveMs,
    keepAliveMaxTimeout: limits.keepAliveMs,
    // Bounds what arrives; what it unpacks to is bounded where it is unpacked.
    maxResponseSize: limits.answerBytes,
    allowH2: false,
  }
  const towards = { timeout: patience.connectMs, ...trust(destination.ca) }
  if (proxy === undefined) {
    const check = createAddressCheck(destination.allowedAddresses ?? [], destination.within)
    return new Agent({ ...pool, connect: { ...towards, lookup: checkedLookup(check, lookup) } })
  }
  const { user, password, origin } = proxy.endpoint
  const check = createAddressCheck(proxy.allowedAddresses ?? [], proxy.within)
  const secret = `${user ?? ''}:${password?.reveal() ?? ''}`
  return new ProxyAgent({
    ...pool,
    uri: origin,
    proxyTunnel: true,
    ...(user === undefined
      ? {}
      : { token: `Basic ${Buffer.from(secret, 'utf8').toString('base64')}` }),
    requestTls: { ...towards, allowH2: false },
    proxyTls: {
      timeout: patience.connectMs,
      ...trust(proxy.ca),
      allowH2: false,
      lookup: checkedLookup(check, lookup),
    },
    // Without a limit of its own a proxy that never answers CONNECT would hold the exchange open.
    clientFactory: (proxyOrigin, options) =>
      new Pool(proxyOrigin, { ...options, headersTimeout: patience.connectMs }),
  })
}

interface Trust {
  rejectUnauthorized: true
  secureContext: SecureContext
}

/**
 * The system's roots plus one more, parsed once instead of at every connection. What Node would
 * otherwise take from NODE_TLS_REJECT_UNAUTHORIZED and --tls-min-v1.0 is said here: neither counts.
 */
function trust(ca: string | undefined): Trust {
  const more = ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }
  const secureContext = createSecureContext({ minVersion: 'TLSv1.2', ...more })
  return { rejectUnauthorized: true, secureContext }
}

/**
 * The resolver the sockets use: it hands on addresses only after every one of them was checked, so
 * the address that was checked is the address that is connected to, whatever the name answers next.
 */
export function checkedLookup(check: AddressCheck, lookup: Lookup): LookupFunction {
  return (host, options, callback) => {
    lookup(host).then(
      (addresses) => {
        const wanted = addresses.filter(({ family }) => fits(family, options.family))
        const [first] = wanted
        if (addresses.some(({ address }) => isIP(address) === 0 || !check(address))) {
          callback(addressRefused(host), '', 4)
        } else if (first === undefined) {
          callback(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), '', 4)
        } else if (options.all) {
          callback(
            null,
            wanted.map(({ address, family }) => ({ address, family })),
          )
        } else {
          callback(null, first.address, first.family)
        }
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 4),
    )
  }
}

function fits(family: 4 | 6, wanted: number | 'IPv4' | 'IPv6' | undefined): boolean {
  if (wanted === 4 || wanted === 'IPv4') return family === 4
  if (wanted === 6 || wanted === 'IPv6') return family === 6
  return true
}
