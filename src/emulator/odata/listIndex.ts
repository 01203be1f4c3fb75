import { changePosition } from '../directory/changes.ts'
import type { Entity, Tenant } from '../directory/types.ts'

/** Shorter lists are read through as fast as by an index. */
export const indexedFrom = 5_000

/** An index of a list, made anew by `build` when the tenant has changed since. */
export function createListIndex<Index>(
  build: (items: readonly Entity[]) => Index,
): (tenant: Tenant, items: readonly Entity[]) => Index {
  const known = new WeakMap<
    readonly Entity[],
    /** Where the tenant's changes stood, and how long the list was. */
    { position: number; length: number; index: Index }
  >()
  return (tenant, items) => {
    const position = changePosition(tenant.changes)
    const { length } = items
    const last = known.get(items)
    if (last?.position === position && last.length === length) return last.index
    const index = build(items)
    known.set(items, { position, length, index })
    return index
  }
}
