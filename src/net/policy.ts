import { isIP } from 'node:net'
import type { AddressKind } from '../core/addressKind.ts'
import { badInput } from '../core/errors.ts'
import { type AddressBounds, createAddressCheck } from './addresses.ts'
import { type Endpoint, isHost } from './endpoint.ts'

/**
 * A line of an allow-list. `target` is `public` (every public address), a host, `*.example.com`
 * (hosts below it, at public addresses), or a range in CIDR form: what any name or literal may
 * lead to. A name opens no private address: whoever answers for the name could choose one.
 */
export interface EgressRule {
  target: string
  ports: Ports
}

/** `usual`: those of the kind of address. `any`: all but those of other well-known services. */
export type Ports = 'usual' | 'any' | readonly number[]

const usualPorts: Readonly<Record<AddressKind, readonly number[]>> = {
  proxy: [80, 443, 3128, 8080, 8443],
  'windows-computer': [5985, 5986],
  webhook: [443],
}

/**
 * Beside all below 1024 but 80 and 443: databases and remote administration. An address somebody
 * types must not become a way to speak to them, unless a rule names the port.
 */
const otherServices: readonly number[] = [
  1433, 1521, 2049, 2375, 2376, 2379, 3306, 3389, 5432, 5900, 5985, 5986, 6379, 9200, 11211, 27017,
]

/** What is in force where nobody said anything: `configured` are the ranges of the server. */
export function defaultRules(configured: readonly string[]): EgressRule[] {
  const ranges = configured.map((target): EgressRule => ({ target, ports: 'any' }))
  return [{ target: 'public', ports: 'usual' }, ...ranges]
}

/** The addresses at which a list lets `endpoint` be. */
export function boundsOf(list: readonly EgressRule[], endpoint: Endpoint): AddressBounds {
  const matching = list.filter(({ ports }) => includesPort(ports, endpoint))
  const ranges = matching.map(({ target }) => target).filter(isRange)
  const named = matching.some(
    ({ target }) => !isRange(target) && includesHost(target, endpoint.host),
  )
  return { public: named, ranges }
}

/**
 * Whether `endpoint` may be where all of `bounds` say. Of a name this is not the last word: what it
 * resolves to is checked at each connect.
 */
export function mayReach(
  endpoint: Endpoint,
  allowed: readonly string[],
  bounds: readonly AddressBounds[],
): boolean {
  const { host } = endpoint
  if (isIP(host) !== 0) return createAddressCheck(allowed, bounds)(host)
  return bounds.every(({ public: open, ranges }) => open || ranges.length > 0)
}

/** Reads the target of a rule and gives its one spelling, or throws bad-input. */
export function readTarget(field: string, text: string): string {
  const given = text.trim().toLowerCase()
  if (given === 'public') return given
  if (isIP(given) !== 0) return readRange(field, `${given}/${isIP(given) === 4 ? 32 : 128}`)
  if (/^[0-9a-f.:]+\/\d+$/.test(given)) return readRange(field, given)
  const [below, name] = given.startsWith('*.') ? ['*.', given.slice(2)] : ['', given]
  const url = URL.canParse(`https://${name}/`) ? new URL(`https://${name}/`) : undefined
  const plain = url?.host === url?.hostname && !/[@:/\s\\?#]/.test(name)
  // In decimal or hex form URL makes an address of it: as such it has to be written.
  if (url === undefined || !plain || !isHost(url.hostname) || isIP(url.hostname) !== 0) {
    throw badInput(
      field,
      'must be a host, *.example.com, a range such as 10.1.0.0/16, or the word public; ports are given apart.',
    )
  }
  return `${below}${url.hostname}`
}

function readRange(field: string, text: string): string {
  try {
    createAddressCheck([text])
    return text
  } catch {
    throw badInput(field, 'must be a range such as 10.1.0.0/16 or fd12::/16.')
  }
}

/** Whether the range of a rule holds addresses that are not public, which the server must allow. */
export function exceedsConfigured({ target }: EgressRule, configured: readonly string[]): boolean {
  if (!isRange(target)) return false
  const covered = configured.some((range) => rangeCovers(range, target))
  return !covered && !createAddressCheck([])(networkOf(target))
}

/** Whether a list has a rule as wide as `rule`. What is refused so may still be no widening. */
export function covers(list: readonly EgressRule[], rule: EgressRule): boolean {
  return list.some(
    ({ target, ports }) => portsCover(ports, rule.ports) && targetCovers(target, rule.target),
  )
}

function targetCovers(outer: string, inner: string): boolean {
  if (outer === inner) return true
  if (outer === 'public') return !isRange(inner) || createAddressCheck([])(networkOf(inner))
  if (isRange(outer)) return isRange(inner) && rangeCovers(outer, inner)
  return (
    outer.startsWith('*.') &&
    inner !== 'public' &&
    !isRange(inner) &&
    inner.endsWith(outer.slice(1))
  )
}

function rangeCovers(outer: string, inner: string): boolean {
  const wide = Number(outer.split('/')[1]) <= Number(inner.split('/')[1])
  const none = { public: false, ranges: [outer] }
  return wide && createAddressCheck([outer], [none])(networkOf(inner))
}

const allUsual = Object.values(usualPorts).flat()

function portsCover(outer: Ports, inner: Ports): boolean {
  if (outer === inner || outer === 'any') return true
  if (inner === 'any') return false
  const wanted = inner === 'usual' ? allUsual : inner
  const given = outer === 'usual' ? allUsual : outer
  return wanted.every((port) => given.includes(port))
}

function includesPort(ports: Ports, { kind, port }: Endpoint): boolean {
  if (ports !== 'usual' && ports !== 'any') return ports.includes(port)
  if (usualPorts[kind].includes(port)) return true
  if (ports === 'usual') return false
  return (port >= 1024 || port === 80 || port === 443) && !otherServices.includes(port)
}

function includesHost(target: string, host: string): boolean {
  if (target === 'public') return true
  return target.startsWith('*.') ? host.endsWith(target.slice(1)) : host === target
}

function isRange(target: string): boolean {
  return target.includes('/')
}

function networkOf(range: string): string {
  return range.slice(0, range.indexOf('/'))
}
