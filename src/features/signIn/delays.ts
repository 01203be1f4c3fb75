import { createHash } from 'node:crypto'
import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Sealed } from '../../core/secret.ts'
import type { Tx } from '../../store/scope.ts'
import * as queries from './queries.ts'
import { hashOf } from './secrets.ts'

/** From where somebody tries to sign in. */
export interface Place {
  address: string
  /** What their browser kept from a sign-in before. */
  device: Sealed | undefined
}

/** What an attempt counts against: each failure makes the next one there wait longer. */
export interface Counters {
  /** Of this login here alone: the right password clears it. */
  own: Buffer
  /** Of this login at all unknown browsers. */
  login?: Pools
  shared: readonly Counter[]
}

/**
 * Two, so that who guesses at a login takes nobody else's turn: whoever comes from where it failed
 * before shares one with those who do, and has no part in that of those who just came.
 */
interface Pools {
  /** Counts the failures of the login around an address, and makes nobody wait. */
  around: Buffer
  fresh: Counter
  again: Counter
}

interface Counter {
  key: Buffer
  free: number
}

/** What was counted, to be taken back if the password was right. */
export interface Attempt {
  own: Buffer
  shared: readonly Buffer[]
}

/** Beyond what is ever counted, and an integer to PostgreSQL. */
const withoutEnd = 2 ** 31 - 1

/**
 * Delays instead of locks: whoever guesses at somebody's login from elsewhere must not keep them
 * out. Where a person signed in before they are counted by that browser alone (the device cookies
 * of OWASP); everywhere else by login and address, and by either. An account does not have to exist
 * to be counted, so that delays say nothing about who has one.
 */
export function countersOf(login: string, { address, device }: Place, isKnown: boolean): Counters {
  const name = login.toLowerCase()
  if (device && isKnown) return { own: key('device', name, hashOf(device)), shared: [] }
  const network = networkOf(address)
  return {
    own: key('here', name, network),
    login: { around: key('around', name, around(network)), ...poolsOf(name) },
    shared: [{ key: key('address', network), free: limits.signInAddressFailuresFree }],
  }
}

function poolsOf(name: string): Pick<Pools, 'fresh' | 'again'> {
  const free = limits.signInLoginFailuresFree
  return { fresh: { key: key('fresh', name), free }, again: { key: key('login', name), free } }
}

/**
 * Counts an attempt before it is judged. Throws `too-many-requests` with the time to wait; then it
 * was neither counted nor judged.
 */
export async function countAttempt(tx: Tx, of: Counters, now: Date): Promise<Attempt> {
  const { own, login } = of
  const shared = [...of.shared]
  if (login !== undefined) {
    // What an address failed at decides what it shares, so this comes before all others, always.
    const failures = await count(tx, { key: login.around, free: withoutEnd }, now)
    shared.push(failures > limits.signInFailuresFree ? login.again : login.fresh)
  }
  for (const each of inOrder([{ key: own, free: limits.signInFailuresFree }, ...shared])) {
    await count(tx, each, now)
  }
  const around = login === undefined ? [] : [login.around]
  return { own, shared: [...around, ...inOrder(shared).map((each) => each.key)] }
}

/** In one order everywhere, so that two attempts never wait for each other. */
function inOrder(counters: readonly Counter[]): Counter[] {
  return [...counters].sort((a, b) => Buffer.compare(a.key, b.key))
}

async function count(tx: Tx, { key, free }: Counter, now: Date): Promise<number> {
  const counted = await queries.countAttempt(tx, key, free, now)
  if ('failures' in counted) return counted.failures
  throw new AppError(
    'too-many-requests',
    'Too many sign-ins failed here. This one was not tried; wait, then try again.',
    { retryAfterMs: Math.max(1, counted.openAt.getTime() - now.getTime()) },
  )
}

export async function clearAttempt(tx: Tx, { own, shared }: Attempt): Promise<void> {
  for (const each of shared) await queries.uncountAttempt(tx, each)
  await queries.forgetFailures(tx, own)
}

/** Who was just invited is not to wait for those who guessed before: all of them begin anew. */
export async function forgetGuesses(tx: Tx, login: string): Promise<void> {
  const { fresh, again } = poolsOf(login.toLowerCase())
  for (const each of inOrder([fresh, again])) await queries.forgetFailures(tx, each.key)
}

function key(...parts: (string | Buffer)[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part).update('\0')
  return hash.digest()
}

/** Whoever has an IPv6 address has 2^64 of them. */
function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=[\d.]+$)/i, '')
  if (!plain.includes(':')) return plain
  const [head = '', tail] = plain.split('::')
  const groups = head === '' ? [] : head.split(':')
  const behind = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - behind.length) }, () => '0')
  const whole = tail === undefined ? groups : [...groups, ...zeros, ...behind]
  return whole.slice(0, 4).join(':')
}

/**
 * Where addresses come by the hundred: 256 of IPv4, and what a site gets of IPv6. All of them
 * together are one who just came.
 */
function around(network: string): string {
  const mark = network.includes(':') ? ':' : '.'
  return network.split(mark).slice(0, 3).join(mark)
}
