import type { AppError } from '../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'

/** The objects of a page; an array of them is one. */
export interface Items extends Iterable<Json> {
  readonly length: number
}

/** An answer that is a page of a list, without its objects, and the objects. */
export interface ListText {
  /** Its `value` is empty. */
  body: JsonObject
  items: Items
}

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const colon = 0x3a
const space = 0x20
const [objectBegin, objectEnd] = [0x7b, 0x7d]
const [listBegin, listEnd] = [0x5b, 0x5d]

/**
 * Cuts a page of a list where its objects begin and end, so that each is parsed only when it is
 * asked for, and is garbage before the next. A page of 999 users parsed at once lives for as long
 * as its rows take to make: megabytes which each collection meanwhile copies (a first import spent
 * a third of its time on that). Undefined: not a whole list in `value`. An object that is not JSON
 * throws what `broken` makes when it is reached.
 */
export function cutList(text: Buffer, broken: () => AppError): ListText | undefined {
  const begin = beginOfValue(text)
  const ends = begin === undefined ? undefined : endsOfItems(text, begin)
  const end = ends?.at(-1)
  if (begin === undefined || ends === undefined || end === undefined) return undefined
  const body = parse(`${text.toString('utf8', 0, begin)}${text.toString('utf8', end)}`)
  if (!isJsonObject(body) || !Array.isArray(body.value) || body.value.length > 0) return undefined
  const isEmpty = ends.length === 1 && text.toString('utf8', begin, end).trim() === ''
  const length = isEmpty ? 0 : ends.length
  return {
    body,
    items: {
      length,
      *[Symbol.iterator]() {
        let from = begin
        for (let index = 0; index < length; index += 1) {
          const to = ends[index] ?? from
          const item = parse(text.toString('utf8', from, to))
          if (item === undefined) throw broken()
          yield item
          from = to + 1
        }
      },
    },
  }
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Behind the bracket that opens the list called `value` of the outermost object. */
function beginOfValue(text: Buffer): number | undefined {
  let depth = 0
  for (let at = 0; at < text.length; at += 1) {
    const byte = text[at] ?? 0
    if (byte === quote) {
      const end = endOfString(text, at)
      const list = depth === 1 && text.toString('latin1', at, end) === '"value"'
      const begin = list ? beginOfList(text, end) : undefined
      if (begin !== undefined) return begin
      at = end - 1
    } else if (byte === objectBegin || byte === listBegin) depth += 1
    else if (byte === objectEnd || byte === listEnd) depth -= 1
  }
  return undefined
}

/** Behind the colon and the bracket that follow a name. */
function beginOfList(text: Buffer, from: number): number | undefined {
  const at = skipSpace(text, from)
  if (text[at] !== colon) return undefined
  const bracket = skipSpace(text, at + 1)
  return text[bracket] === listBegin ? bracket + 1 : undefined
}

function skipSpace(text: Buffer, from: number): number {
  let at = from
  while ((text[at] ?? quote) <= space) at += 1
  return at
}

/** Where each item ends; the last of them is the bracket that closes the list. */
function endsOfItems(text: Buffer, begin: number): number[] | undefined {
  const ends: number[] = []
  let depth = 0
  for (let at = begin; at < text.length; at += 1) {
    const byte = text[at] ?? 0
    // Most bytes are letters within strings; of the others only these have a meaning here.
    if (byte === quote) at = endOfString(text, at) - 1
    else if (byte === comma && depth === 0) ends.push(at)
    else if (byte === objectBegin || byte === listBegin) depth += 1
    else if (byte === objectEnd || byte === listEnd) {
      if (depth === 0) return byte === listEnd ? [...ends, at] : undefined
      depth -= 1
    }
  }
  return undefined
}

/** Behind the quote that ends the string which begins at `from`. */
function endOfString(text: Buffer, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    const byte = text[at]
    if (byte === backslash) at += 1
    else if (byte === quote) return at + 1
  }
  return text.length
}
