import { limits } from '../../core/limits.ts'
import { GraphRefusal } from '../graphErrors.ts'

export type Literal = string | number | boolean | null

export type Comparison = 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le'

/** `$filter` as a tree. A path is the names between slashes; inside `any` without the variable. */
export type FilterNode =
  | { op: 'and' | 'or'; left: FilterNode; right: FilterNode }
  | { op: 'not'; of: FilterNode }
  | { op: Comparison; path: readonly string[]; value: Literal }
  | { op: 'in'; path: readonly string[]; values: readonly Literal[] }
  | { op: TextFunction; path: readonly string[]; value: string }
  | { op: 'any'; path: readonly string[]; of: FilterNode | undefined }

export type TextFunction = 'startsWith' | 'endsWith' | 'contains'

const textFunctions: readonly TextFunction[] = ['startsWith', 'endsWith', 'contains']
const comparisons: readonly Comparison[] = ['eq', 'ne', 'gt', 'ge', 'lt', 'le']

/** A position in the tokens of one `$filter`. */
interface Reader {
  tokens: readonly string[]
  index: number
  /** The variable of the `any` around, if there is one. */
  variable: string | undefined
  depth: number
}

/** Parses `$filter`; refuses what is not in the grammar. */
export function parseFilter(text: string): FilterNode {
  const reader: Reader = { tokens: tokenize(text), index: 0, variable: undefined, depth: 0 }
  const node = parseOr(reader)
  if (reader.index < reader.tokens.length) throw syntaxError(reader)
  return node
}

function tokenize(text: string): string[] {
  const pattern = /\s*('(?:[^']|'')*'|[(),:]|[^\s(),:']+(?::[^\s(),']+)*)/gy
  const tokens: string[] = []
  while (pattern.lastIndex < text.length) {
    const rest = text.slice(pattern.lastIndex)
    if (rest.trim() === '') break
    const match = pattern.exec(text)
    if (match?.[1] === undefined) throw refusedAt(rest)
    tokens.push(...splitLambda(match[1]))
  }
  return tokens
}

/** A colon belongs to times (`12:30:00Z`) and follows the variable of a lambda (`a:a/skuId`). */
function splitLambda(token: string): string[] {
  const [, variable, rest] = /^([A-Za-z_]\w*):(.+)$/.exec(token) ?? []
  return variable === undefined || rest === undefined ? [token] : [variable, ':', rest]
}

function parseOr(reader: Reader): FilterNode {
  let left = parseAnd(reader)
  while (takeWord(reader, 'or')) left = { op: 'or', left, right: parseAnd(reader) }
  return left
}

function parseAnd(reader: Reader): FilterNode {
  let left = parseUnary(reader)
  while (takeWord(reader, 'and')) left = { op: 'and', left, right: parseUnary(reader) }
  return left
}

function parseUnary(reader: Reader): FilterNode {
  reader.depth += 1
  if (reader.depth > limits.emulatorFilterDepthMax) throw syntaxError(reader)
  const node = parseTerm(reader)
  reader.depth -= 1
  return node
}

function parseTerm(reader: Reader): FilterNode {
  if (takeWord(reader, 'not')) return { op: 'not', of: parseUnary(reader) }
  if (takeWord(reader, '(')) {
    const inner = parseOr(reader)
    expect(reader, ')')
    return inner
  }
  const name = take(reader)
  const called = textFunctions.find((one) => one.toLowerCase() === name.toLowerCase())
  if (called !== undefined && peek(reader) === '(') return parseTextFunction(reader, called)
  const path = pathOf(reader, name)
  if (path.at(-1)?.toLowerCase() === 'any' && peek(reader) === '(') return parseAny(reader, path)
  if (takeWord(reader, 'in')) return { op: 'in', path, values: parseValues(reader) }
  const word = take(reader)
  const comparison = comparisons.find((one) => one === word.toLowerCase())
  if (comparison === undefined) throw syntaxError(reader)
  return { op: comparison, path, value: literalOf(reader, take(reader)) }
}

function parseTextFunction(reader: Reader, op: TextFunction): FilterNode {
  expect(reader, '(')
  const path = pathOf(reader, take(reader))
  expect(reader, ',')
  const value = literalOf(reader, take(reader))
  expect(reader, ')')
  if (typeof value !== 'string') throw syntaxError(reader)
  return { op, path, value }
}

function parseAny(reader: Reader, path: readonly string[]): FilterNode {
  const collection = path.slice(0, -1)
  expect(reader, '(')
  if (takeWord(reader, ')')) return { op: 'any', path: collection, of: undefined }
  const outer = reader.variable
  reader.variable = take(reader)
  expect(reader, ':')
  const of = parseOr(reader)
  expect(reader, ')')
  reader.variable = outer
  return { op: 'any', path: collection, of }
}

function parseValues(reader: Reader): Literal[] {
  expect(reader, '(')
  const values = [literalOf(reader, take(reader))]
  while (takeWord(reader, ',')) values.push(literalOf(reader, take(reader)))
  expect(reader, ')')
  return values
}

function pathOf(reader: Reader, text: string): string[] {
  if (!/^[A-Za-z_$][\w$/.]*$/.test(text)) throw syntaxError(reader)
  const path = text.split('/')
  return path[0] === reader.variable ? path.slice(1) : path
}

function literalOf(reader: Reader, text: string): Literal {
  if (text.startsWith("'")) return text.slice(1, -1).replaceAll("''", "'")
  if (text === 'true' || text === 'false') return text === 'true'
  if (text === 'null') return null
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text)
  // What is left without quotes is a GUID or a date.
  if (/^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(text) || /^\d{4}-\d\d-\d\d(T[\d:.]+Z?)?$/.test(text)) {
    return text
  }
  throw syntaxError(reader)
}

function peek(reader: Reader): string | undefined {
  return reader.tokens[reader.index]
}

function take(reader: Reader): string {
  const token = reader.tokens[reader.index]
  if (token === undefined) throw syntaxError(reader)
  reader.index += 1
  return token
}

function takeWord(reader: Reader, word: string): boolean {
  if (peek(reader)?.toLowerCase() !== word) return false
  reader.index += 1
  return true
}

function expect(reader: Reader, word: string): void {
  if (!takeWord(reader, word)) throw syntaxError(reader)
}

function syntaxError(reader: Reader): GraphRefusal {
  return refusedAt(reader.tokens.slice(Math.max(0, reader.index - 1)).join(' '))
}

function refusedAt(text: string): GraphRefusal {
  return new GraphRefusal(
    400,
    'BadRequest',
    `Invalid filter clause: Syntax error at or before '${text.slice(0, 80)}'.`,
  )
}
