import type { TSchema } from 'typebox'
import { isJsonObject } from '../core/json.ts'

/**
 * Query and path members are text; where their schema wants something else, text of exactly that
 * form becomes it. Anything else stays text and fails its schema: `1.0`, ` 1` or `1e3` is no id.
 */
export function coerceMembers(schema: TSchema, members: unknown): unknown {
  if (!isJsonObject(members)) return {}
  const properties: unknown = 'properties' in schema ? schema.properties : undefined
  const coerced: Record<string, unknown> = Object.create(null)
  for (const [name, value] of Object.entries(members)) {
    const wanted: unknown =
      isJsonObject(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined
    coerced[name] = coerce(isJsonObject(wanted) ? wanted.type : undefined, value)
  }
  return coerced
}

function coerce(type: unknown, value: unknown): unknown {
  if (type === 'array') return Array.isArray(value) ? value : [value]
  if (typeof value !== 'string') return value
  if (type === 'integer' && /^-?\d{1,16}$/.test(value)) return Number(value)
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true'
  return value
}
