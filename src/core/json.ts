/**
 * Values as JSON has them. Objects made from outside text have no prototype tricks: see `plain`.
 */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** JSON text with the keys of every object in order, so that equal values have equal text. */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const members: string[] = []
  for (const key of Object.keys(value).sort()) {
    const member = value[key]
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`)
  }
  return `{${members.join(',')}}`
}

export function jsonEqual(a: Json, b: Json): boolean {
  return a === b || canonicalJson(a) === canonicalJson(b)
}

/** One changed property: what it was and what it is (absent counts as null). */
export interface Change {
  property: string
  before: Json
  after: Json
}

/** The properties in which `after` differs from `before`, in the order of their names. */
export function changesBetween(before: JsonObject, after: JsonObject): Change[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  const changes: Change[] = []
  for (const property of names) {
    const was = before[property] ?? null
    const is = after[property] ?? null
    if (!jsonEqual(was, is)) changes.push({ property, before: was, after: is })
  }
  return changes
}

/**
 * An object whose members, so called, are null: a pattern to copy (`{ ...blank }`) and fill for
 * each of many objects that are alike. V8 gives the copies of what it has parsed one compact form;
 * filled from nothing by names that are data, each cost twice as much to make and to write as text.
 */
export function blankObject(names: readonly string[]): JsonObject {
  return JSON.parse(JSON.stringify(Object.fromEntries(names.map((name) => [name, null]))))
}
