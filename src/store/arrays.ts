import { storableText } from './text.ts'

/** The numbers PostgreSQL knows these types by (pg_type.dat). */
const typeNumbers = { text: 25, bytea: 17, json: 114 }
export type ElementType = keyof typeof typeNumbers

/** Dimensions, whether there are nulls, type, length, lower bound: array_recv in arrayfuncs.c. */
const headBytes = 20
/** Of an element's length. */
const lengthBytes = 4
/** What an id of Microsoft's takes with its length, and room for as long a text as is usual. */
const idBytes = 40
const longestBytes = 2_048
/** A character of UTF-16 takes at most this many bytes in UTF-8. */
const bytesPerUnit = 3

/**
 * Rows as columns: for each an array in PostgreSQL's binary format, outside of the heap. A page of
 * a thousand objects waits for its turn at the database without being copied by each garbage
 * collection; and a statement takes the arrays as they are, where COPY, which PostgreSQL refuses
 * into a table with row-level security, needs a temporary table before it.
 */
export interface ColumnBlock {
  /** Adds a row, a value for each column; answers its line, counted from 0. */
  add(values: readonly (string | Uint8Array)[]): number
  /** An array for each column with the values of these lines, valid until the block is cleared. */
  take(lines: readonly number[]): Buffer[]
  /** Empties it, to be filled again. */
  clear(): void
}

/** `rows`: about how many there will be; the block grows when there are more. */
export function createColumnBlock(
  columns: readonly { type: ElementType; bytes: number }[],
  rows: number,
): ColumnBlock {
  const arrays = columns.map(({ type, bytes }) => createArray(type, rows * bytes))
  let lines = 0
  return {
    add(values) {
      for (const [index, array] of arrays.entries()) array.add(values[index] ?? '')
      return lines++
    },
    take: (wanted) => arrays.map((array) => array.take(wanted)),
    clear() {
      for (const array of arrays) array.clear()
      lines = 0
    },
  }
}

/** Texts as a parameter of type text[]: the driver's own way makes a literal that is read again. */
export function textArray(values: readonly string[]): Buffer {
  const array = createArray('text', values.length * idBytes + longestBytes)
  for (const value of values) array.add(value)
  return array.take(values.map((_, line) => line))
}

function createArray(type: ElementType, bytes: number) {
  const ends: number[] = []
  let block = Buffer.allocUnsafeSlow(headBytes + bytes)
  let length = headBytes
  const makeRoom = (more: number) => {
    if (length + more <= block.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(length + more, block.length * 2))
    block.copy(larger, 0, 0, length)
    block = larger
  }
  return {
    add(value: string | Uint8Array) {
      // JSON has neither of what storableText replaces: JSON.stringify escapes both.
      const clean = typeof value === 'string' && type !== 'json' ? storableText(value) : value
      const text = typeof clean === 'string'
      makeRoom(lengthBytes + clean.length * (text ? bytesPerUnit : 1))
      const at = length + lengthBytes
      if (text) length = at + block.write(clean, at)
      else {
        block.set(clean, at)
        length = at + clean.length
      }
      block.writeInt32BE(length - at, at - lengthBytes)
      ends.push(length)
    },
    take(lines: readonly number[]): Buffer {
      const isAll = lines.length === ends.length && lines.every((line, index) => line === index)
      const array = isAll
        ? block.subarray(0, length)
        : Buffer.concat([Buffer.alloc(headBytes), ...lines.map((line) => elementAt(line))])
      writeHead(array, type, lines.length)
      return array
    },
    clear() {
      ends.length = 0
      length = headBytes
    },
  }

  function elementAt(line: number): Buffer {
    return block.subarray(line === 0 ? headBytes : ends[line - 1], ends[line])
  }
}

function writeHead(array: Buffer, type: ElementType, length: number): void {
  const [dimensions, nulls, lowerBound] = [1, 0, 1]
  const words = [dimensions, nulls, typeNumbers[type], length, lowerBound]
  for (const [index, word] of words.entries()) array.writeInt32BE(word, index * 4)
}

/** An array literal: every element quoted, so that `NULL`, commas, braces and '' are only text. */
export function arrayLiteral(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replace(/["\\]/g, '\\$&')}"`).join(',')}}`
}
