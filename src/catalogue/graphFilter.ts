import filterJson from './data/graph-filter.json' with { type: 'json' }

/** Whether a query works plain, as an advanced query (header and `$count`), or both. */
export type QuerySupport = 'default+advanced' | 'advanced only' | 'default only'
export type FilterOperator = 'eq' | 'eqNull' | 'startsWith' | 'geLe'

type Rules = Readonly<Record<string, Readonly<Partial<Record<FilterOperator, string>>>>>

const rules: Readonly<Record<string, Rules>> = filterJson.filter
const orders: Readonly<Record<string, Readonly<Record<string, string>>>> = filterJson.orderby
const counts: Readonly<Record<string, Readonly<Record<string, string>>>> = filterJson.countInFilter
const numbered = /^(onPremisesExtensionAttributes\/extensionAttribute)\d+$/
const kinds: readonly QuerySupport[] = ['default+advanced', 'advanced only', 'default only']

/**
 * How `operator` is supported on a property of `user` or `group`; undefined: not at all. A
 * collection is written `assignedLicenses/any(skuId)`, one of plain items `proxyAddresses/any`.
 */
export function filterSupport(
  type: string,
  property: string,
  operator: FilterOperator,
): QuerySupport | undefined {
  const found = rules[type]?.[documentedName(property)]?.[operator]
  return kinds.find((kind) => kind === found)
}

/** Whether lists of `user` or `group` sort by a property; undefined: never. */
export function orderSupport(type: string, property: string): QuerySupport | undefined {
  const found = orders[type]?.[property]
  if (found === undefined) return undefined
  return found === 'default' ? 'default+advanced' : 'advanced only'
}

/** With which numbers `property/$count` may be compared in a filter; none when it may not be. */
export function countsInFilter(type: string, property: string): readonly number[] {
  const text = counts[type]?.[property] ?? ''
  return (text.match(/\d+/g) ?? []).map(Number)
}

/** The table writes lambdas out, with the first letter: `assignedPlans/any(a:a/service)`. */
function documentedName(property: string): string {
  if (numbered.test(property)) return property.replace(numbered, '$11-15')
  const [, collection, member] = /^(.*)\/any(?:\((.+)\))?$/.exec(property) ?? []
  if (collection === undefined) return property
  if (member === undefined) return `${collection}/any(p:p)`
  const letter = collection.charAt(0)
  return `${collection}/any(${letter}:${letter}/${member})`
}
