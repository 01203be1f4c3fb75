import { createHash } from 'node:crypto'
import type { AddressBounds } from './addresses.ts'
import type { Endpoint } from './endpoint.ts'

/** At which addresses something may be, and who vouches that it is there. */
export interface Reach {
  /** Ranges (CIDR) that are refused by default but right here. */
  allowedAddresses?: readonly string[]
  /** Within each of these, too, the addresses have to be. */
  within?: readonly AddressBounds[]
  /** PEM of certification authorities trusted here, beside the usual ones. */
  ca?: string
}

/**
 * Where requests may go: the whole permission to reach a host. Holding one is what lets a connector
 * call out, and no destination means no call.
 */
export interface Destination extends Reach {
  /** Exact origins: `https://graph.microsoft.com`. Others are refused before a name is resolved. */
  origins: readonly string[]
}

/** A proxy (CONNECT). Its user and password go to it alone. */
export interface WebProxy extends Reach {
  endpoint: Endpoint
}

/** Equal for two pairs between which connections may be shared; holds no secret in the clear. */
export function connectionKey(destination: Destination, proxy: WebProxy | undefined): string {
  const parts = [
    destination.allowedAddresses ?? [],
    destination.within ?? [],
    destination.ca ?? '',
    proxy && [
      proxy.endpoint.origin,
      proxy.endpoint.user ?? '',
      proxy.endpoint.password?.reveal() ?? '',
      proxy.allowedAddresses ?? [],
      proxy.within ?? [],
      proxy.ca ?? '',
    ],
  ]
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64')
}
