import { isJsonObject, type JsonObject } from '../../src/core/json.ts'

/**
 * Whether a schema lets a plain value in, worked out without the checker of the server, so that a
 * fault there is not a fault here.
 */
export function fits(schema: JsonObject, value: unknown): boolean {
  if (Array.isArray(schema.anyOf)) {
    return schema.anyOf.some((branch) => isJsonObject(branch) && fits(branch, value))
  }
  if (Array.isArray(schema.enum)) return schema.enum.some((choice) => choice === value)
  if (schema.const !== undefined) return schema.const === value
  switch (schema.type) {
    case 'null':
      return value === null
    case 'boolean':
      return typeof value === 'boolean'
    case 'integer':
      return Number.isInteger(value) && isBetween(Number(value), schema.minimum, schema.maximum)
    case 'string':
      return typeof value === 'string' && fitsText(schema, value)
    case 'array':
      return Array.isArray(value) && fitsList(schema, value)
    case 'object':
      return isJsonObject(value) && fitsObject(schema, value)
    default:
      return true
  }
}

/** The same for a member of path, query or headers, which come as text. */
export function fitsAsText(schema: JsonObject, text: string): boolean {
  if (!isPlain(text)) return false
  if (schema.type === 'integer') {
    const value = Number(text)
    return /^-?\d{1,16}$/.test(text) && isPlain(value) && fits(schema, value)
  }
  if (schema.type === 'boolean') return text === 'true' || text === 'false'
  if (schema.type === 'array') return fits(schema, [text])
  return fits(schema, text)
}

function fitsText(schema: JsonObject, text: string): boolean {
  const { pattern, minLength, maxLength } = schema
  // No character takes more than two places: of a megabyte they need not be counted.
  if (text.length > 2 * Number(maxLength ?? Infinity)) return false
  return (
    isBetween([...text].length, minLength, maxLength) &&
    (typeof pattern !== 'string' || new RegExp(pattern, 'u').test(text))
  )
}

function fitsList({ items, minItems, maxItems }: JsonObject, list: readonly unknown[]): boolean {
  if (!isBetween(list.length, minItems, maxItems)) return false
  return list.every((item) => !isJsonObject(items) || fits(items, item))
}

function fitsObject(schema: JsonObject, object: JsonObject): boolean {
  const { properties = {}, required = [], patternProperties, minProperties, maxProperties } = schema
  const names = Object.keys(object)
  if (!isBetween(names.length, minProperties, maxProperties)) return false
  if (isJsonObject(patternProperties)) return true
  if (!isJsonObject(properties) || !Array.isArray(required)) return false
  if (required.some((name) => !Object.hasOwn(object, String(name)))) return false
  return names.every((name) => {
    const member = Object.hasOwn(properties, name) ? properties[name] : undefined
    return isJsonObject(member) && fits(member, object[name])
  })
}

function isBetween(number: number, least: unknown, most: unknown): boolean {
  return number >= Number(least ?? -Infinity) && number <= Number(most ?? Infinity)
}

const reservedNames: readonly string[] = ['__proto__', 'constructor', 'prototype']

/**
 * What no schema can say: whole characters, no NUL, numbers that stay what they are, no name that
 * means something to JavaScript.
 */
export function isPlain(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0')
  if (typeof value === 'number') {
    return Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value)
  }
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(
    ([name, member]) => !reservedNames.includes(name) && isPlain(name) && isPlain(member),
  )
}
