import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
import type { Tx } from './scope.ts'
import { storableText } from './text.ts'

export type CopyValue =
  | string
  | number
  | boolean
  | Date
  | Uint8Array
  | readonly (string | null)[]
  | null

/**
 * Feeds `copy <table> (<columns>) from stdin` with rows made by `copyRow`. PostgreSQL refuses COPY
 * into a table with row-level security: copy into a temporary one, then insert from it. Returns
 * the number of rows.
 */
export async function copyIn(
  tx: Tx,
  statement: string,
  rows: Iterable<string | Buffer> | AsyncIterable<string>,
): Promise<number> {
  const stream = tx.client.query(copyFrom(statement))
  await pipeline(Readable.from(chunks(rows)), stream)
  return stream.rowCount
}

/** A write per row costs more than the row; PostgreSQL reads 64 kB at a time. */
async function* chunks(
  rows: Iterable<string | Buffer> | AsyncIterable<string>,
): AsyncGenerator<string | Buffer> {
  const chunkChars = 64 * 1024
  let chunk = ''
  for await (const row of rows) {
    if (typeof row !== 'string') {
      yield row
      continue
    }
    chunk += row
    if (chunk.length >= chunkChars) {
      yield chunk
      chunk = ''
    }
  }
  if (chunk !== '') yield chunk
}

/**
 * Rows in COPY's text format in one block of bytes, outside of the heap: a page of a thousand
 * objects waits for its turn at the database without being copied by each garbage collection.
 */
export interface CopyBlock {
  /** Adds a row; answers its line, counted from 0. */
  add(values: readonly CopyValue[]): number
  /** The bytes of these lines, in this order; neighbours come in one piece. */
  take(lines: readonly number[]): Buffer[]
  /** Empties it, to be filled again: what was taken is then no longer what it was. */
  clear(): void
}

/** `bytes`: about as many as the rows will take; it grows when they are more. */
export function createCopyBlock(bytes: number): CopyBlock {
  // A character of UTF-16 takes at most this many bytes in UTF-8.
  const bytesPerUnit = 3
  const ends: number[] = []
  let block = Buffer.allocUnsafeSlow(Math.max(bytes, 256))
  let length = 0
  return {
    add(values) {
      const row = copyRow(values)
      const room = length + row.length * bytesPerUnit
      if (room > block.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(room, block.length * 2))
        block.copy(larger, 0, 0, length)
        block = larger
      }
      length += block.write(row, length)
      return ends.push(length) - 1
    },
    take(lines) {
      const pieces: Buffer[] = []
      for (let from = 0, to = 0; from < lines.length; from = to) {
        const first = lines[from] ?? 0
        for (to = from + 1; lines[to] === first + to - from; ) to += 1
        const begin = first === 0 ? 0 : ends[first - 1]
        pieces.push(block.subarray(begin, ends[first + to - from - 1]))
      }
      return pieces
    },
    clear() {
      ends.length = 0
      length = 0
    },
  }
}

/** One row in COPY's text format: columns between tabs, `\N` for null, a newline at the end. */
export function copyRow(values: readonly CopyValue[]): string {
  let row = ''
  for (let index = 0; index < values.length; index++) {
    if (index > 0) row += '\t'
    row += copyField(values[index] ?? null)
  }
  return `${row}\n`
}

function copyField(value: CopyValue): string {
  if (value === null) return '\\N'
  if (typeof value === 'string') return escapeText(value)
  if (typeof value === 'number') return String(value)
  if (typeof value === 'boolean') return value ? 't' : 'f'
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return `\\\\x${Buffer.from(value).toString('hex')}`
  return escapeText(arrayText(value))
}

// Also what storableText replaces, so that clean text, nearly all of it, costs one test.
const special = /[\\\t\n\r\0\ud800-\udfff]/
const escapes: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

function escapeText(text: string): string {
  if (!special.test(text)) return text
  return storableText(text).replace(/[\\\t\n\r]/g, (character) => escapes[character] ?? character)
}

/** An array literal: every element quoted, so that `NULL`, commas, braces and '' are only text. */
function arrayText(values: readonly (string | null)[]): string {
  const elements = values.map((value) =>
    value === null ? 'NULL' : `"${value.replace(/["\\]/g, '\\$&')}"`,
  )
  return `{${elements.join(',')}}`
}
