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
  shared: readonly { key: Buffer; free: number }[]
}

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
    shared: [
      { key: key('login', name), free: limits.signInLoginFailuresFree },
      { key: key('address', network), free: limits.signInAddressFailuresFree },
    ],
  }
}

/**
 * Counts an attempt before it is judged. Throws `too-many-requests` with the time to wait; then it
 * was neither counted nor judged.
 */
export async function countAttempt(tx: Tx, { own, shared }: Counters, now: Date): Promise<void> {
  const all = [{ key: own, free: limits.signInFailuresFree }, ...shared]
  // In one order everywhere, so that two attempts never wait for each other.
  for (const each of all.sort((a, b) => Buffer.compare(a.key, b.key))) {
    const openAt = await queries.countAttempt(tx, each.key, each.free, now)
    if (openAt === undefined) continue
    throw new AppError(
      'too-many-requests',
      'Too many sign-ins failed here. This one was not tried; wait, then try again.',
      { retryAfterMs: Math.max(1, openAt.getTime() - now.getTime()) },
    )
  }
}

export async function clearAttempt(tx: Tx, { own, shared }: Counters): Promise<void> {
  for (const { key } of [...shared].sort((a, b) => Buffer.compare(a.key, b.key))) {
    await queries.uncountAttempt(tx, key)
  }
  await queries.forgetFailures(tx, own)
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
