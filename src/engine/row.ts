import { hash } from 'node:crypto'
import type { JsonObject } from '../core/json.ts'
import type { Model } from '../core/model.ts'
import type { ObjectLinks, ReadObject } from '../core/readObject.ts'
import { type CopyBlock, createCopyBlock } from '../store/copy.ts'
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
  /** Where its columns stand as text for COPY: `rowColumns`. */
  block: CopyBlock
  line: number
}

/** What a line of a row's block holds, for a temporary table and for the COPY into it. */
export const rowColumns = {
  names: 'key, name, cols, hash, data',
  declared: 'key text, name text, cols text[], hash bytea, data json',
}

/** Beyond this an index entry would not fit its page (PostgreSQL: a third of 8 kB). */
const indexedCharsMax = 500

/** Of a user with all we read, in the block. */
const rowBytes = 1_600

/** A block for so many rows. */
export function createRowBlock(rows: number): CopyBlock {
  return createCopyBlock(rows * rowBytes)
}

/** The object as a row in `block`, or the reason why it cannot be one. */
export function toRow(
  model: Model,
  object: ReadObject,
  block: CopyBlock = createRowBlock(1),
): Row | { reason: string } {
  const key = object.data[model.key]
  if (typeof key !== 'string' || key === '') return { reason: `${model.key} is missing` }
  if (key.length > indexedCharsMax) return { reason: `${model.key} is too long` }
  const json = JSON.stringify(object.data)
  const name = nameOf(model, object.data)
  const cols = colsOf(model, object.data)
  const hash = fingerprint(model, object.data, json)
  const line = block.add([key, name, cols, `\\x${hash}`, json])
  return { key, hash, links: object.links, block, line }
}

/** The rows as text for COPY; each block's lines are in the order they were added. */
export function copyText(rows: readonly Row[]): Buffer[] {
  const blocks = Map.groupBy(rows, ({ block }) => block)
  return [...blocks].flatMap(([block, ours]) => block.take(ours.map(({ line }) => line)))
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
