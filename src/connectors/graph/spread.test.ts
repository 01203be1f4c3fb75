import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../emulator/random.ts'
import { divideEvenly, type Knot } from './spread.ts'

const year = 365 * 86_400_000
const now = Date.UTC(2026, 0, 1)

/** People of whom most came with three imports of some minutes each, the rest one by one. */
function directory(people: number): number[] {
  const random = seededRandom(7, 'directory')
  const imports = [random(), random(), random()].map((share) => now - share * 9 * year)
  return Array.from({ length: people }, () => {
    const alone = random() < 0.25
    const at = imports[Math.floor(random() * imports.length)] ?? now
    return Math.round(alone ? now - random() * 10 * year : at + random() * 1_200_000)
  }).sort((a, b) => a - b)
}

const after = (times: readonly number[], at: number) => times.filter((time) => time >= at).length

function knotsOf(times: readonly number[], ages: readonly number[]): Knot[] {
  return ages.map((age) => ({ at: now - age * year, rowsAfter: after(times, now - age * year) }))
}

/** The sizes of the pieces, ascending. */
function sizes(times: readonly number[], cuts: readonly number[]): number[] {
  const ends = [Number.NEGATIVE_INFINITY, ...cuts, Number.POSITIVE_INFINITY]
  return ends
    .slice(1)
    .map((end, index) => times.filter((time) => time >= (ends[index] ?? 0) && time < end).length)
    .sort((a, b) => a - b)
}

describe('times are divided', () => {
  const times = directory(20_000)
  const sample = times.filter((_, index) => index % 20 === 3)

  it('about evenly by a sample, however they are heaped up', () => {
    const exact = knotsOf(times, [1, 5])
    const cuts = divideEvenly({ total: times.length, times: sample, exact, pieces: 10, now })
    expect(cuts).toHaveLength(9)
    expect(sizes(times, cuts).at(-1)).toBeLessThan(2_000 * 1.25)
  })

  // Fails when the sample is believed where it is silent: one piece then holds all the young.
  it('by what was counted where the sample has seen nobody', () => {
    const old = times.filter((time) => time < now - 3 * year)
    const young = Array.from({ length: 20_000 }, (_, index) => now - index * 60_000)
    const all = [...old, ...young].sort((a, b) => a - b)
    const exact = knotsOf(all, [0.02, 0.04, 0.1, 1, 3])
    const seen = old.filter((_, index) => index % 20 === 3)
    const cuts = divideEvenly({ total: all.length, times: seen, exact, pieces: 10, now })
    expect(sizes(all, cuts).at(-1)).toBeLessThan((all.length / 10) * 1.3)
  })

  it('into fewer pieces when all share one moment, and without a sample at all', () => {
    const at = now - year
    const same = { total: 9_000, times: [at, at, at], pieces: 4, now }
    expect(divideEvenly({ ...same, exact: [] }).length).toBeLessThanOrEqual(3)
    const even = divideEvenly({ ...same, times: [], exact: [{ at: now - 4, rowsAfter: 9_000 }] })
    expect(even).toEqual([now - 3, now - 2, now - 1])
  })
})
