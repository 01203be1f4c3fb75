import { isQuery, resourceUnitsOf } from '../../catalogue/graphLimits.ts'
import type { GraphCall } from '../../core/call.ts'
import { isJsonObject } from '../../core/json.ts'

/** In total, whatever the modifiers would make of it. */
const selectedByIds = 2

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
  if (/getByIds$/.test(template) && query.$select !== undefined) return selectedByIds
  let units = resourceUnitsOf(`${method} ${template.replaceAll('{key}', '{id}')}`)
  if (query.$select !== undefined) units -= 1
  if (query.$expand !== undefined) units += 1
  if (query.$top !== undefined && Number(query.$top) < 20) units -= 1
  return Math.max(units, 1)
}

/**
 * Writes of a call, counted by a quota of their own: none of what only asks, and one more for each
 * object that is linked in passing (`members@odata.bind` with 20 members was seen to count as 21).
 * `operation` as logs name it: `PATCH users/{}`.
 */
export function writesOf({ body }: Pick<GraphCall, 'body'>, operation: string): number {
  if (isQuery(operation.replaceAll('{}', '{id}'))) return 0
  const bound = isJsonObject(body)
    ? Object.entries(body).filter(([name]) => name.endsWith('@odata.bind'))
    : []
  return bound.reduce((sum, [, ends]) => sum + (Array.isArray(ends) ? ends.length : 1), 1)
}
