import { resourceUnitsOf } from '../../catalogue/graphLimits.ts'

/**
 * Resource units of a call (learn.microsoft.com/graph/throttling-limits, identity and access):
 * `template` with `{key}` for the object's key. `$select` takes one off, `$expand` adds one, a
 * small `$top` takes one off; never below 1.
 */
export function graphCost(
  method: string,
  template: string,
  query: Readonly<Record<string, string>>,
): number {
  let units = resourceUnitsOf(`${method} ${template.replaceAll('{key}', '{id}')}`)
  if (query.$select !== undefined) units -= 1
  if (query.$expand !== undefined) units += 1
  if (query.$top !== undefined && Number(query.$top) < 20) units -= 1
  return Math.max(units, 1)
}
