import { createHash } from 'node:crypto'
import type { Endpoint } from './endpoint.ts'

/**
 * Where requests may go: the whole permission to reach a host. Holding one is what lets a connector
 * call out, and no destination means no call.
 */
export interface Destination {
  /** Exact origins: `https://graph.microsoft.com`. Others are refused before a name is resolved. */
  origins: readonly string[]
  /** Ranges (CIDR) that are refused by default but right for this destination. */
  allowedAddresses?: readonly string[]
  /** PEM of a certification authority trusted for this destination, beside the usual ones. */
  ca?: string
}

/** A proxy (CONNECT). Its user and password go to it alone. */
export interface WebProxy {
  endpoint: Endpoint
  allowedAddresses?: readonly string[]
  ca?: string
}

/** Equal for two pairs between which connections may be shared; holds no secret in the clear. */
export function connectionKey(destination: Destination, proxy: WebProxy | undefined): string {
  const parts = [
    destination.allowedAddresses ?? [],
    destination.ca ?? '',
    proxy && [
      proxy.endpoint.origin,
      proxy.endpoint.user ?? '',
      proxy.endpoint.password?.reveal() ?? '',
      proxy.allowedAddresses ?? [],
      proxy.ca ?? '',
    ],
  ]
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64')
}
