import type { Entity, Tenant } from '../directory/types.ts'
import type { FilterNode } from './filterParser.ts'
import { createListIndex, indexedFrom } from './listIndex.ts'

/**
 * What of a list is between two times of creation, in the order of `seq`, as the service keeps it.
 */
const property = 'createdDateTime'

const byTime = createListIndex((items) => {
  const timed = items
    .map((entity) => ({ entity, time: entity.data[property] }))
    .filter((one): one is { entity: Entity; time: string } => typeof one.time === 'string')
    .sort((a, b) => (a.time < b.time ? -1 : Number(a.time > b.time)))
  // Ascending, each entity in the place of its time.
  return {
    times: timed.map(({ time }) => time),
    entities: timed.map(({ entity }) => entity),
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
  const within = amongTimes(tenant, items, filter)
  return within === items ? items : within.toSorted((a, b) => a.seq - b.seq)
}

/**
 * As `withinTimes`, in no order: for who counts. Twenty counts in one batch, each of them over half
 * of 100,000 people put in order, kept everybody waiting for half a second.
 */
export function amongTimes(
  tenant: Tenant,
  items: readonly Entity[],
  filter: FilterNode | undefined,
): readonly Entity[] {
  if (filter === undefined || items.length < indexedFrom) return items
  const { from, to } = boundsOf(filter)
  if (from === '' && to === '') return items
  const { times, entities } = byTime(tenant, items)
  const begin = from === '' ? 0 : placeOf(times, from)
  // Seconds are what is stored: all of the last one may count.
  const end = to === '' ? times.length : placeOf(times, `${to}~`)
  return entities.slice(begin, end)
}

/** The bounds that every object let through must keep, as text of whole seconds; '' for none. */
function boundsOf(filter: FilterNode): { from: string; to: string } {
  if (filter.op === 'and') {
    const [left, right] = [boundsOf(filter.left), boundsOf(filter.right)]
    return {
      from: left.from > right.from ? left.from : right.from,
      to: left.to === '' || (right.to !== '' && right.to < left.to) ? right.to : left.to,
    }
  }
  const isTime = 'path' in filter && filter.path.length === 1 && filter.path[0] === property
  if (!isTime || !('value' in filter) || typeof filter.value !== 'string') return none
  const second = filter.value.toUpperCase().slice(0, 19)
  if (second.length < 19) return none
  if (filter.op === 'ge' || filter.op === 'gt') return { from: second, to: '' }
  return filter.op === 'le' || filter.op === 'lt' ? { from: '', to: second } : none
}

const none = { from: '', to: '' }

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
