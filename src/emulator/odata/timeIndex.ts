import type { Entity, Tenant } from '../directory/types.ts'
import type { FilterNode } from './filterParser.ts'
import { createListIndex, indexedFrom } from './listIndex.ts'

/**
 * What of a list is between two times of creation, in the order of `seq`, as the service keeps it.
 */
const property = 'createdDateTime'

interface TimeIndex {
  /** Ascending, each entity in the place of its time. */
  times: readonly string[]
  entities: readonly Entity[]
  /** What was between two places, in the order of `seq`: each page of a shard asks for it again. */
  ordered: Map<string, readonly Entity[]>
  /** How many entities that is in all. */
  orderedLength: number
}

const byTime = createListIndex((items): TimeIndex => {
  const timed = items
    .map((entity) => ({ entity, time: entity.data[property] }))
    .filter((one): one is { entity: Entity; time: string } => typeof one.time === 'string')
    .sort((a, b) => (a.time < b.time ? -1 : Number(a.time > b.time)))
  return {
    times: timed.map(({ time }) => time),
    entities: timed.map(({ entity }) => entity),
    ordered: new Map(),
    orderedLength: 0,
  }
})

/**
 * The part of a list that a filter by time of creation can let through; the whole list when the
 * filter does not say. Without it each page of a shard would look at every object of the tenant.
 */
export function withinTimes(
  tenant: Tenant,
  items: readonly Entity[],
  filter: FilterNode | undefined,
): readonly Entity[] {
  const range = rangeOf(tenant, items, filter)
  if (range === undefined) return items
  const { index, begin, end } = range
  const key = `${begin}-${end}`
  const known = index.ordered.get(key)
  if (known !== undefined) return known
  const ordered = index.entities.slice(begin, end).sort((a, b) => a.seq - b.seq)
  // As many as two shardings of the list at once.
  if (index.orderedLength + ordered.length > 2 * items.length) {
    index.ordered.clear()
    index.orderedLength = 0
  }
  index.ordered.set(key, ordered)
  index.orderedLength += ordered.length
  return ordered
}

/**
 * How many of a list a filter lets through. Of a filter by nothing but time the index knows it, but
 * for the seconds that are its bounds: twenty counts in one batch, each of them over half of
 * 100,000 people, kept everybody waiting for half a second.
 */
export function countWithin(
  tenant: Tenant,
  items: readonly Entity[],
  filter: FilterNode | undefined,
  matches: (entity: Entity) => boolean,
): number {
  const range = rangeOf(tenant, items, filter)
  if (range === undefined) return countIn(items, 0, items.length, matches)
  const { index, begin, end, bounds } = range
  const { from, to, whole } = bounds
  const sureBegin = from === '' ? begin : placeOf(index.times, `${from}~`)
  const sureEnd = to === '' ? end : placeOf(index.times, to)
  if (!whole || sureEnd < sureBegin) return countIn(index.entities, begin, end, matches)
  const atBegin = countIn(index.entities, begin, sureBegin, matches)
  return atBegin + (sureEnd - sureBegin) + countIn(index.entities, sureEnd, end, matches)
}

function countIn(
  entities: readonly Entity[],
  begin: number,
  end: number,
  matches: (entity: Entity) => boolean,
): number {
  let count = 0
  for (let place = begin; place < end; place++) {
    const entity = entities[place]
    if (entity !== undefined && matches(entity)) count += 1
  }
  return count
}

/** Where in the index lies what the filter can let through; undefined when that is everything. */
function rangeOf(tenant: Tenant, items: readonly Entity[], filter: FilterNode | undefined) {
  if (filter === undefined || items.length < indexedFrom) return undefined
  const bounds = boundsOf(filter)
  if (bounds.from === '' && bounds.to === '') return undefined
  const index = byTime(tenant, items)
  const begin = bounds.from === '' ? 0 : placeOf(index.times, bounds.from)
  // Seconds are what is stored: all of the last one may count.
  const end = bounds.to === '' ? index.times.length : placeOf(index.times, `${bounds.to}~`)
  return { index, bounds, begin, end: Math.max(begin, end) }
}

interface Bounds {
  /** Text of whole seconds; '' for none. */
  from: string
  to: string
  /** Whether they are all there is of the filter. */
  whole: boolean
}

/** The bounds that every object let through must keep. */
function boundsOf(filter: FilterNode): Bounds {
  if (filter.op === 'and') {
    const [left, right] = [boundsOf(filter.left), boundsOf(filter.right)]
    return {
      from: left.from > right.from ? left.from : right.from,
      to: left.to === '' || (right.to !== '' && right.to < left.to) ? right.to : left.to,
      whole: left.whole && right.whole,
    }
  }
  const isTime = 'path' in filter && filter.path.length === 1 && filter.path[0] === property
  if (!isTime || !('value' in filter) || typeof filter.value !== 'string') return none
  const second = filter.value.toUpperCase().slice(0, 19)
  if (second.length < 19) return none
  if (filter.op === 'ge' || filter.op === 'gt') return { from: second, to: '', whole: true }
  if (filter.op === 'le' || filter.op === 'lt') return { from: '', to: second, whole: true }
  return none
}

const none: Bounds = { from: '', to: '', whole: false }

/** The first place at or behind a time. */
function placeOf(times: readonly string[], time: string): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((times[middle] ?? '') < time) low = middle + 1
    else high = middle
  }
  return low
}
