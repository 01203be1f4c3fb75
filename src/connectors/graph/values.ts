import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { Property, PropertyType } from '../../core/model.ts'

/** A value that is not what its property is declared to be. */
export const wrong = Symbol('wrong')

/** Checks one value and gives it in its normal form, or `wrong`. Never called with null. */
export type Check = (value: Json) => Json | typeof wrong

const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,12})?)?(Z|[+-]\d\d:\d\d)$/

/** NUL and lone surrogates are legal in JSON, but no text or jsonb of PostgreSQL can hold them. */
export function isStorable(text: string): boolean {
  return text.length <= limits.textCharsMax && !text.includes('\0') && text.isWellFormed()
}

const checks: Readonly<Record<PropertyType, Check>> = {
  string: (value) => (typeof value === 'string' && isStorable(value) ? value : wrong),
  boolean: (value) => (typeof value === 'boolean' ? value : wrong),
  integer: (value) => (Number.isSafeInteger(value) ? value : wrong),
  number: (value) => (typeof value === 'number' ? value : wrong),
  dateTime: (value) => (typeof value === 'string' && dateTime.test(value) ? value : wrong),
  guid: (value) => (typeof value === 'string' && guid.test(value) ? value : wrong),
  object: (value) => (isJsonObject(value) ? normalObject(value, 1) : wrong),
}

/**
 * String collections without an order of their own. The service returns them in any order, which
 * would look like a change each time; in others (businessPhones) the first has a meaning.
 */
const unorderedNames: ReadonlySet<string> = new Set(['proxyAddresses', 'groupTypes'])

export function checkOf({ name, type, many }: Property): Check {
  const item = checks[type]
  if (!many) return item
  const sorts = type === 'object' || unorderedNames.has(name)
  return (value) => {
    if (!Array.isArray(value) || value.length > limits.collectionItemsMax) return wrong
    const items: Json[] = []
    for (const each of value) {
      const normal = item(each)
      if (normal === wrong) return wrong
      items.push(normal)
    }
    return sorts && items.length > 1 ? sorted(items) : items
  }
}

/** Items are in their normal form already, so equal ones have equal text. */
function sorted(items: Json[]): Json[] {
  return items
    .map((item) => ({ item, text: JSON.stringify(item) }))
    .sort((a, b) => (a.text < b.text ? -1 : Number(a.text > b.text)))
    .map(({ item }) => item)
}

/**
 * A structured value with its members in order and without annotations (`@odata.type`). Members
 * called `__proto__` are left out: a later copy by assignment would change the copy's prototype.
 */
function normalObject(value: JsonObject, depth: number): JsonObject | typeof wrong {
  const normal: JsonObject = {}
  for (const name of Object.keys(value).sort()) {
    if (name.includes('@odata.') || name === '__proto__') continue
    const member = normalValue(value[name] ?? null, depth)
    if (member === wrong || !isStorable(name)) return wrong
    normal[name] = member
  }
  return normal
}

function normalValue(value: Json, depth: number): Json | typeof wrong {
  if (typeof value === 'string') return isStorable(value) ? value : wrong
  if (value === null || typeof value !== 'object') return value
  if (depth >= limits.valueDepthMax) return wrong
  if (!Array.isArray(value)) return normalObject(value, depth + 1)
  const items: Json[] = []
  for (const each of value) {
    const item = normalValue(each, depth + 1)
    if (item === wrong) return wrong
    items.push(item)
  }
  return items
}
