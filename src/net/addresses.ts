import { BlockList, isIP, isIPv6 } from 'node:net'
import { badInput } from '../core/errors.ts'

/**
 * Addresses no request may reach unless its destination names them. IPv4 from the IANA registry of
 * special-purpose addresses (RFC 6890), and the one address outside it under which a cloud answers
 * its own machines (Azure's host service, 168.63.129.16).
 */
const refusedIpv4: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]

/**
 * Of IPv6 only global unicast (2000::/3) is reachable, and of that not what wraps an IPv4 address
 * (Teredo, 6to4) or is for documents. Loopback, ULA, link-local, multicast and `::ffff:` are
 * outside 2000::/3 already.
 */
const refusedInGlobalIpv6: readonly [string, number][] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]

/**
 * Where clouds answer their own machines, with credentials: what asks there in our name asks as
 * this server. No range opens them, however wide or narrow it is.
 */
const metadata: readonly string[] = [
  '169.254.169.254',
  '169.254.170.2',
  '168.63.129.16',
  '100.100.100.200',
  'fd00:ec2::254',
]

function blockList(ranges: readonly [string, number][], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList()
  for (const [network, bits] of ranges) list.addSubnet(network, bits, family)
  return list
}

export type AddressCheck = (address: string) => boolean

/** Some of all addresses. */
export interface AddressBounds {
  /** Whether those are in it that nobody has to name: the public ones. */
  public: boolean
  /** CIDR. */
  ranges: readonly string[]
}

/**
 * A predicate over IP addresses (text, as a resolver or a URL has them). `allowed` are the ranges
 * in CIDR form this destination may use although they are refused by default; within each of
 * `bounds` the address has to be as well. Throws bad-input.
 */
export function createAddressCheck(
  allowed: readonly string[],
  bounds: readonly AddressBounds[] = [],
): AddressCheck {
  const checks = [{ public: true, ranges: allowed }, ...bounds].map(checkOf)
  const never = new BlockList()
  for (const address of metadata) never.addAddress(address, familyOf(address))
  return (address) => {
    // A zone (`fe80::1%eth0`) only occurs on link-local addresses.
    if (isIP(address) === 0 || address.includes('%')) return false
    return !never.check(address, familyOf(address)) && checks.every((check) => check(address))
  }
}

const refused4 = blockList(refusedIpv4, 'ipv4')
const refused6 = blockList(refusedInGlobalIpv6, 'ipv6')
const global6 = blockList([['2000::', 3]], 'ipv6')

function checkOf({ public: open, ranges }: AddressBounds): AddressCheck {
  const named = new BlockList()
  for (const range of ranges) {
    const { network, bits, family } = parseRange(range)
    named.addSubnet(network, bits, family)
  }
  return (address) => named.check(address, familyOf(address)) || (open && isPublicAddress(address))
}

/** Reachable for everybody: no address of this machine, its network or its cloud. */
function isPublicAddress(address: string): boolean {
  if (!isIPv6(address)) return !refused4.check(address, 'ipv4')
  return global6.check(address, 'ipv6') && !refused6.check(address, 'ipv6')
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4'
}

interface Range {
  network: string
  bits: number
  family: 'ipv4' | 'ipv6'
}

function parseRange(text: string): Range {
  const [network = '', length, ...rest] = text.split('/')
  const version = isIP(network)
  const bits = Number(length)
  const fits = /^\d{1,3}$/.test(length ?? '') && bits <= (version === 4 ? 32 : 128)
  if (version === 0 || network.includes('%') || !fits || rest.length > 0) {
    throw badInput('allowedAddresses', `must be ranges such as 10.1.0.0/16, not ${text}`)
  }
  return { network, bits, family: version === 4 ? 'ipv4' : 'ipv6' }
}
