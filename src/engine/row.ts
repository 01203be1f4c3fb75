import { hash } from 'node:crypto'
import type { JsonObject } from '../core/json.ts'
import type { Model } from '../core/model.ts'
import type { ObjectLinks, ReadObject } from '../core/readObject.ts'
import { arrayLiteral, type ColumnBlock, createColumnBlock } from '../store/arrays.ts'
import { colsOf, nameOf } from './columns.ts'

/**
 * An observed object as the store holds it. `hash` says whether anything but volatile properties
 * changed.
 */
export interface Row {
  key: string
  /** In hex. */
  hash: string
  links: ObjectLinks
  /** Where the rest of it stands: `rowColumns`. */
  block: ColumnBlock
  line: number
}

/** What a block of rows holds, and about how many bytes of it a user with all we read takes. */
const rowColumns = [
  { name: 'key', type: 'text', bytes: 48 },
  { name: 'name', type: 'text', bytes: 32 },
  // An array's literal: PostgreSQL has no arrays of arrays of different lengths.
  { name: 'cols', type: 'text', bytes: 250 },
  { name: 'hash', type: 'bytea', bytes: 20 },
  { name: 'data', type: 'json', bytes: 1_450 },
] as const

const names = rowColumns.map(({ name }) => name).join(', ')
const types = rowColumns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ')
/** For `from`: the rows whose `rowArrays` are the statement's first parameters. */
export const rowsGiven = `unnest(${types}) as given (${names})`

/** Beyond this an index entry would not fit its page (PostgreSQL: a third of 8 kB). */
const indexedCharsMax = 500

export function createRowBlock(rows: number): ColumnBlock {
  return createColumnBlock(rowColumns, rows)
}

/** The object as a row in `block`, or the reason why it cannot be one. */
export function toRow(
  model: Model,
  object: ReadObject,
  block: ColumnBlock = createRowBlock(1),
): Row | { reason: string } {
  const key = object.data[model.key]
  if (typeof key !== 'string' || key === '') return { reason: `${model.key} is missing` }
  if (key.length > indexedCharsMax) return { reason: `${model.key} is too long` }
  const json = JSON.stringify(object.data)
  const name = nameOf(model, object.data)
  const cols = colsOf(model, object.data)
  const hash = fingerprint(model, object.data, json)
  const line = block.add([key, name, arrayLiteral(cols), Buffer.from(hash, 'hex'), json])
  return { key, hash, links: object.links, block, line }
}

/** What `rowsGiven` is made of. The rows are of one block. */
export function rowArrays(rows: readonly Row[]): Buffer[] {
  return rows[0]?.block.take(rows.map(({ line }) => line)) ?? []
}

function fingerprint(model: Model, data: JsonObject, json: string): string {
  const volatile = model.properties.filter((property) => property.volatile)
  let text = json
  if (volatile.length > 0) {
    const stable = { ...data }
    for (const property of volatile) delete stable[property.name]
    text = JSON.stringify(stable)
  }
  return hash('sha256', text, 'hex').slice(0, 32)
}
