import { entityType } from '../../catalogue/graph.ts'
import { filterSupport } from '../../catalogue/graphFilter.ts'
import { limits } from '../../core/limits.ts'
import { propertyReader } from '../directory/computed.ts'
import type { Entity, Tenant } from '../directory/types.ts'
import { badQuery, type GraphRefusal, unsupportedQuery } from '../graphErrors.ts'

type Test = (entity: Entity) => boolean

/** Searched word by word; other properties fall back to what `startsWith` does. */
const wordProperties: readonly string[] = ['displayName', 'description']

interface Reader {
  tenant: Tenant
  type: string
  text: string
  tokens: readonly string[]
  index: number
  depth: number
}

/** `"displayName:anna" AND ("mail:a" OR "mail:b")` as a test; AND binds closer than OR. */
export function compileSearch(tenant: Tenant, type: string, text: string): Test {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[()]|[^\s()"]+/g) ?? []
  const reader: Reader = { tenant, type, text, tokens, index: 0, depth: 0 }
  const test = readEither(reader)
  if (reader.index < tokens.length) throw syntaxError(reader)
  return test
}

function readEither(reader: Reader): Test {
  const left = readBoth(reader)
  if (!take(reader, 'OR')) return left
  const right = readEither(reader)
  return (entity) => left(entity) || right(entity)
}

function readBoth(reader: Reader): Test {
  const left = readTerm(reader)
  if (!take(reader, 'AND')) return left
  const right = readBoth(reader)
  return (entity) => left(entity) && right(entity)
}

function readTerm(reader: Reader): Test {
  if (take(reader, '(')) {
    reader.depth += 1
    if (reader.depth > limits.emulatorFilterDepthMax) throw syntaxError(reader)
    const inner = readEither(reader)
    reader.depth -= 1
    if (!take(reader, ')')) throw syntaxError(reader)
    return inner
  }
  const clause = reader.tokens[reader.index] ?? ''
  const [, name = '', value = ''] = /^"(\w+):(.*)"$/s.exec(clause) ?? []
  if (name === '' || value === '') throw syntaxError(reader)
  reader.index += 1
  return compileClause(reader, name, value.replace(/\\(.)/g, '$1'))
}

function compileClause({ tenant, type }: Reader, given: string, value: string): Test {
  const property = entityType(type)?.byName.get(given.toLowerCase())
  const key = property?.many === true ? `${property.name}/any` : (property?.name ?? '')
  if (property === undefined || filterSupport(type, key, 'startsWith') === undefined) {
    throw unsupportedQuery(
      `Unsupported or invalid search clause specified for property '${given}'.`,
    )
  }
  const read = propertyReader(type, property.name, property.many)
  const texts = (entity: Entity) =>
    [read(tenant, entity)].flat().flatMap((one) => (typeof one === 'string' ? [one] : []))
  if (!wordProperties.includes(property.name)) {
    const start = value.toLowerCase()
    return (entity) => texts(entity).some((text) => text.toLowerCase().startsWith(start))
  }
  const wanted = wordsOf(value)
  return (entity) => {
    const words = texts(entity).flatMap(wordsOf)
    return wanted.every((start) => words.some((word) => word.startsWith(start)))
  }
}

/** Parted at blanks and signs, between letters and digits, and where capitals begin. */
function wordsOf(text: string): string[] {
  const words = text.match(/\p{Lu}?[\p{Ll}\p{Lo}\p{M}]+|\p{Lu}+(?!\p{Ll})|\p{N}+/gu) ?? []
  return words.map((word) => word.toLowerCase())
}

function take(reader: Reader, word: string): boolean {
  if (reader.tokens[reader.index] !== word) return false
  reader.index += 1
  return true
}

function syntaxError({ text, tokens, index }: Reader): GraphRefusal {
  const [character = ''] = tokens[index] ?? ''
  const position = text.indexOf(tokens[index] ?? '')
  return badQuery(
    `Syntax error: character '${character}' is not valid at position ${position} in '${text}'.`,
  )
}
