import { hash } from 'node:crypto'
import type { Json, JsonObject } from '../core/json.ts'
import type { Model } from '../core/model.ts'
import type { ObjectLinks, ReadObject } from '../core/wire.ts'

/**
 * An observed object as the store holds it. `hash` says whether anything but volatile properties
 * changed.
 */
export interface Row {
  key: string
  name: string
  cols: (string | null)[]
  hash: Buffer
  json: string
  links: ObjectLinks
}

/** Beyond this an index entry would not fit its page (PostgreSQL: a third of 8 kB). */
const indexedCharsMax = 500

/** The object as a row, or the reason why it cannot be one. */
export function toRow(model: Model, object: ReadObject): Row | { reason: string } {
  const key = object.data[model.key]
  if (typeof key !== 'string' || key === '') return { reason: `${model.key} is missing` }
  if (key.length > indexedCharsMax) return { reason: `${model.key} is too long` }
  const json = JSON.stringify(object.data)
  return {
    key,
    name: (asText(object.data[model.name]) ?? key).slice(0, indexedCharsMax),
    cols: model.columns.map((column) => asText(object.data[column])),
    hash: fingerprint(model, object.data, json),
    json,
    links: object.links,
  }
}

function fingerprint(model: Model, data: JsonObject, json: string): Buffer {
  const volatile = model.properties.filter((property) => property.volatile)
  let text = json
  if (volatile.length > 0) {
    const stable = { ...data }
    for (const property of volatile) delete stable[property.name]
    text = JSON.stringify(stable)
  }
  return hash('sha256', text, 'buffer').subarray(0, 16)
}

function asText(value: Json | undefined): string | null {
  if (value === undefined || value === null) return null
  if (typeof value === 'string') return value
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
    ? value.join(', ')
    : JSON.stringify(value)
}
