import type { Random } from '../../core/clock.ts'
import { integerBetween } from '../random.ts'

/** Answers when somebody came into the directory, in milliseconds since 1970. */
export type Arrivals = (hired: number, chance: number) => number

interface BulkImport {
  weight: number
  at: number
}

const day = 86_400_000
const hour = 3_600_000
const workingMs = 30_000_000
/** Of those who were with the company then, so many came with an import. */
const bulkShare = 0.75
const usersPerImport = 20_000
const importsMax = 9
/** What the service takes of one application. */
const writesPerSecond = 20

/**
 * A directory is filled by a few large imports, at the speed the service allows, and by people who
 * are hired one by one between them. `chance` is any number from 0 up to 1 of the person's own: it
 * says with which import they came, and when in it. The order of a list says nothing of that.
 */
export function makeArrivals(random: Random, users: number, newest: number): Arrivals {
  const makeImport = (): BulkImport => ({
    weight: random() ** 2 + 0.05,
    at: newest - integerBetween(random, 60, 2_500) * day + integerBetween(random, 6, 20) * hour,
  })
  const count = Math.min(importsMax, Math.floor(users / usersPerImport)) + 1
  const imports = Array.from({ length: count }, makeImport)
  const weights = imports.reduce((sum, { weight }) => sum + weight, 0)
  const secondsPerWeight = (users * bulkShare) / weights / writesPerSecond
  return (hired, chance) => {
    let place = (chance / bulkShare) * weights
    for (const { weight, at } of imports) {
      if (place < weight && hired < at) return at + Math.floor(place * secondsPerWeight) * 1_000
      if (place < weight) break
      place -= weight
    }
    return hired + Math.round(chance * workingMs)
  }
}
