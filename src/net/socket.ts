import { connect, isIP, type Socket } from 'node:net'
import { limits } from '../core/limits.ts'
import { createAddressCheck } from './addresses.ts'
import { addressRefused, checkedLookup, type Lookup } from './dispatcher.ts'

export type { Socket }

export interface SocketPlace {
  host: string
  port: number
  /** Ranges (CIDR) that are refused by default but right here. */
  allowedAddresses?: readonly string[] | undefined
}

export type OpenSocket = (place: SocketPlace) => Promise<Socket>

/**
 * The way out for protocols that are not HTTP: a TCP connection to an address that was checked.
 * Throws `address-refused`, and the errors of sockets as they are.
 */
export function createOpenSocket(lookup: Lookup): OpenSocket {
  return ({ host, port, allowedAddresses = [] }) => {
    const check = createAddressCheck(allowedAddresses)
    // A socket asks no resolver for an IP literal, so the check at connect would not see it.
    if (isIP(host) !== 0 && !check(host)) throw addressRefused(host)
    const { promise, resolve, reject } = Promise.withResolvers<Socket>()
    const socket = connect({ host, port, lookup: checkedLookup(check, lookup) })
    const tooSlow = () => socket.destroy(new Error('not connected in time'))
    socket.setTimeout(limits.connectMs, tooSlow)
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      socket.off('timeout', tooSlow)
      socket.setTimeout(0)
      resolve(socket)
    })
    return promise
  }
}
