import { createHash } from 'node:crypto'
import type { Random } from '../core/clock.ts'

/**
 * Numbers from 0 up to 1 that depend on the seed and the label alone (sfc32 by Chris Doty-Humphrey:
 * 128 bits of state, so that a hundred thousand ids made from it do not meet).
 */
export function seededRandom(seed: number, label: string): Random {
  const hash = createHash('sha256').update(`${seed}/${label}`).digest()
  let a = hash.readInt32LE(0)
  let b = hash.readInt32LE(4)
  let c = hash.readInt32LE(8)
  let counter = 1
  return () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 4294967296
  }
}

const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** A GUID of version 4 by its looks. */
export function randomGuid(random: Random): string {
  const word = () => (random() * 4294967296) >>> 0
  const [a, b, c, d] = [word(), word(), word(), word()]
  const version = (b & 0xffff0fff) | 0x4000
  const variant = (c & 0x3fffffff) | 0x80000000
  // One text made at once: of added pieces each would stay in memory.
  return [
    hex(a, 24) + hex(a, 16) + hex(a, 8) + hex(a, 0),
    hex(b, 24) + hex(b, 16),
    hex(version, 8) + hex(version, 0),
    hex(variant, 24) + hex(variant, 16),
    hex(c, 8) + hex(c, 0) + hex(d, 24) + hex(d, 16) + hex(d, 8) + hex(d, 0),
  ].join('-')
}

function hex(word: number, shift: number): string {
  return hexOfByte[(word >>> shift) & 255] ?? '00'
}

/** Any item with the same chance. The list must not be empty. */
export function pick<T>(random: Random, list: readonly [T, ...T[]]): T {
  return list[Math.floor(random() * list.length)] ?? list[0]
}

/** The first items far more often than the last, as with names of people. */
export function pickSkewed<T>(random: Random, list: readonly [T, ...T[]]): T {
  return list[Math.floor(random() ** 2 * list.length)] ?? list[0]
}

/** An item by weight; weights need not add up to anything. */
export function pickWeighted<T extends { weight: number }>(
  random: Random,
  list: readonly [T, ...T[]],
): T {
  let left = random() * list.reduce((sum, item) => sum + item.weight, 0)
  for (const item of list) {
    left -= item.weight
    if (left < 0) return item
  }
  return list[0]
}

export function integerBetween(random: Random, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1))
}
