import type { Entity, Tenant } from '../directory/types.ts'
import type { FilterNode } from './filterParser.ts'
import { createListIndex, indexedFrom } from './listIndex.ts'

const byId = createListIndex(
  (items) => new Map(items.map((entity) => [entity.id.toLowerCase(), entity])),
)

/**
 * The part of a list that `id in (...)` can let through, in the order of `seq`; the whole list for
 * any other filter. Without it a batch of twenty such lists looked at 400,000 of 20,000 groups, and
 * kept everybody waiting meanwhile.
 */
export function withinIds(
  tenant: Tenant,
  items: readonly Entity[],
  filter: FilterNode | undefined,
): readonly Entity[] {
  if (filter?.op !== 'in' || items.length < indexedFrom) return items
  if (filter.path.length !== 1 || filter.path[0] !== 'id') return items
  const entities = byId(tenant, items)
  const wanted = new Set(filter.values.map((id) => String(id).toLowerCase()))
  return [...wanted].flatMap((id) => entities.get(id) ?? []).sort((a, b) => a.seq - b.seq)
}
