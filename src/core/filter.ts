import type { Json, JsonObject } from './json.ts'

/**
 * One predicate tree for lists, sync scopes and rules. It is data: connectors and the store render
 * it into their own language, and `matches` evaluates it in memory. Text compares without case,
 * as Microsoft's directory does.
 */
export type Filter =
  | { op: 'and' | 'or'; of: readonly Filter[] }
  | { op: 'not'; of: Filter }
  | { op: 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge'; property: string; value: Json }
  | { op: 'startsWith' | 'endsWith' | 'contains'; property: string; value: string }
  | { op: 'in'; property: string; values: readonly Json[] }

function fold(value: Json): Json {
  return typeof value === 'string' ? value.toLowerCase() : value
}

function compare(a: Json, b: Json): number | undefined {
  const left = fold(a)
  const right = fold(b)
  if (typeof left === 'string' && typeof right === 'string')
    return left < right ? -1 : Number(left > right)
  if (typeof left === 'number' && typeof right === 'number') return left - right
  return undefined
}

function same(a: Json, b: Json): boolean {
  return fold(a ?? null) === fold(b ?? null)
}

function valueAt(object: JsonObject, property: string): Json {
  return Object.hasOwn(object, property) ? (object[property] ?? null) : null
}

/** A list holds when one of its items does, as `any` does at Graph. */
export function matches(filter: Filter, object: JsonObject): boolean {
  if ('property' in filter) {
    const value = valueAt(object, filter.property)
    const values = Array.isArray(value) ? value : [value]
    return values.some((each) => compares(filter, each))
  }
  switch (filter.op) {
    case 'and':
      return filter.of.every((part) => matches(part, object))
    case 'or':
      return filter.of.some((part) => matches(part, object))
    default:
      return !matches(filter.of, object)
  }
}

function compares(filter: Extract<Filter, { property: string }>, found: Json): boolean {
  switch (filter.op) {
    case 'eq':
      return same(found, filter.value)
    case 'ne':
      return !same(found, filter.value)
    case 'in':
      return filter.values.some((value) => same(found, value))
    case 'startsWith':
    case 'endsWith':
    case 'contains':
      return matchesText(filter.op, found, filter.value)
    default: {
      const order = compare(found, filter.value)
      if (order === undefined) return false
      if (filter.op === 'lt') return order < 0
      if (filter.op === 'le') return order <= 0
      if (filter.op === 'gt') return order > 0
      return order >= 0
    }
  }
}

function matchesText(
  op: 'startsWith' | 'endsWith' | 'contains',
  value: Json,
  part: string,
): boolean {
  if (typeof value !== 'string') return false
  const text = value.toLowerCase()
  const sought = part.toLowerCase()
  if (op === 'startsWith') return text.startsWith(sought)
  if (op === 'endsWith') return text.endsWith(sought)
  return text.includes(sought)
}
