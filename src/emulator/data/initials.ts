import type { Random } from '../../core/clock.ts'
import { pick, pickWeighted, seededRandom } from '../random.ts'
import { addressPart } from './names.ts'

type NameList = readonly [string, ...string[]]
export type NamePicker = (random: Random, list: NameList) => string

interface Initial {
  weight: number
  names: NameList
}

const letters = 'abcdefghijklmnopqrstuvwxyz'

/**
 * Picks names whose initials are spread unevenly: letters in a random order, each less frequent
 * than the one before by a power that is drawn, too. What splits a list by initials evenly for one
 * seed does badly for the next.
 */
export function skewedInitials(seed: number): NamePicker {
  const random = seededRandom(seed, 'initials')
  const power = 0.5 + 1.5 * random()
  const order = [...letters]
    .map((letter) => ({ letter, place: random() }))
    .sort((a, b) => a.place - b.place)
  const weights = new Map(order.map(({ letter }, rank) => [letter, (rank + 1) ** -power]))
  const grouped = new Map<NameList, readonly [Initial, ...Initial[]]>()
  return (draw, list) => {
    const initials = grouped.get(list) ?? groupByInitial(list, weights)
    grouped.set(list, initials)
    return pick(draw, pickWeighted(draw, initials).names)
  }
}

function groupByInitial(
  list: NameList,
  weights: ReadonlyMap<string, number>,
): readonly [Initial, ...Initial[]] {
  const [first, ...others] = Map.groupBy(list, (name) => addressPart(name).charAt(0))
  const initial = ([letter, names]: [string, string[]]): Initial => {
    const [head = '', ...rest] = names
    return { weight: weights.get(letter) ?? 0, names: [head, ...rest] }
  }
  return first === undefined
    ? [{ weight: 1, names: list }]
    : [initial(first), ...others.map(initial)]
}
