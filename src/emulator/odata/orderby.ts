import { entityType } from '../../catalogue/graph.ts'
import { orderSupport } from '../../catalogue/graphFilter.ts'
import type { Json } from '../../core/json.ts'
import { propertyReader } from '../directory/computed.ts'
import type { Entity, Tenant } from '../directory/types.ts'
import { type GraphRefusal, unsupportedQuery } from '../graphErrors.ts'
import { unknownProperty } from './select.ts'

export type Compare = (a: Entity, b: Entity) => number

/**
 * `$orderby`: names with `asc` or `desc`. Few properties sort at all, some of them and any sorting
 * of what a filter or search finds only as an advanced query. Equal ones keep the usual order.
 */
export function compileOrder(
  tenant: Tenant,
  type: string,
  text: string,
  query: { advanced: boolean; narrowed: boolean },
): Compare {
  if (query.narrowed && !query.advanced) throw sortingRefused()
  const keys = text.split(',').map((part) => {
    const [, name = '', direction = 'asc'] = /^\s*([\w/]+)(?:\s+(asc|desc))?\s*$/i.exec(part) ?? []
    const property = entityType(type)?.byName.get(name.toLowerCase())
    if (property === undefined) throw unknownProperty('OrderBy', name, type)
    const support = orderSupport(type, property.name)
    if (support === undefined) throw sortingRefused()
    if (support === 'advanced only' && !query.advanced) throw sortingRefused()
    const read = propertyReader(type, property.name, property.many)
    const sign = direction.toLowerCase() === 'desc' ? -1 : 1
    return { sign, textOf: (entity: Entity) => fold(read(tenant, entity)) }
  })
  return (a, b) => {
    for (const { sign, textOf } of keys) {
      const left = textOf(a)
      const right = textOf(b)
      if (left !== right) return left < right ? -sign : sign
    }
    return a.seq - b.seq
  }
}

export function sortingRefused(): GraphRefusal {
  return unsupportedQuery('Sorting not supported for current query.')
}

/** Nothing comes before everything. */
function fold(value: Json): string {
  return typeof value === 'string' ? value.toLowerCase() : ''
}
