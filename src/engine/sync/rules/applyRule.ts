import type { Tx } from '../../../store/scope.ts'
import type { Row } from '../../row.ts'
import type { KnownRow } from '../queries.ts'
import { disabledOperations } from './queries.ts'

/** The rows of a page by what storing them means. */
export interface Split {
  fresh: Row[]
  updated: Row[]
  unchanged: Row[]
}

/**
 * Takes out of a page what the tenant's rule for the model leaves undone: neither these objects nor
 * their edges are touched. It is asked for each page, so a rule counts from the next page on. An
 * object that had been removed comes back by being added.
 */
export async function applyRule(
  tx: Tx,
  place: { tenantId: number; modelId: number },
  split: Split,
  known: ReadonlyMap<string, KnownRow>,
): Promise<Split> {
  const disabled = await disabledOperations(tx, place.tenantId, place.modelId)
  if (disabled.size === 0) return split
  return {
    fresh: disabled.has('add') ? [] : split.fresh,
    updated: split.updated.filter(
      (row) => !disabled.has(known.get(row.key)?.gone ? 'add' : 'update'),
    ),
    // Its own row is as it was, but edges (members of a group) may not be: that is an update too.
    unchanged: disabled.has('update') ? [] : split.unchanged,
  }
}
