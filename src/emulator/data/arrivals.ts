import type { Random } from '../../core/clock.ts'
import { integerBetween, pickWeighted } from './random.ts'

/** Answers when somebody came into the directory, in milliseconds since 1970. */
export type Arrivals = (hired: number, chance: number) => number

interface BulkImport {
  weight: number
  at: number
  done: number
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
 * are hired one by one between them. `chance` is any number from 0 up to 1 of the person's own.
 */
export function makeArrivals(random: Random, users: number, newest: number): Arrivals {
  const makeImport = (): BulkImport => ({
    weight: random() ** 2 + 0.05,
    at: newest - integerBetween(random, 60, 2_500) * day + integerBetween(random, 6, 20) * hour,
    done: 0,
  })
  const count = Math.min(importsMax, Math.floor(users / usersPerImport))
  const imports: [BulkImport, ...BulkImport[]] = [
    makeImport(),
    ...Array.from({ length: count }, makeImport),
  ]
  return (hired, chance) => {
    const bulk = pickWeighted(() => chance / bulkShare, imports)
    if (chance >= bulkShare || hired >= bulk.at) return hired + Math.round(chance * workingMs)
    bulk.done += 1
    return bulk.at + Math.floor(bulk.done / writesPerSecond) * 1000
  }
}
