import { badInput } from './errors.ts'
import type { Filter } from './filter.ts'
import { isJsonObject, type Json } from './json.ts'
import { limits } from './limits.ts'
import type { Property } from './model.ts'

/**
 * A filter that came from outside: known operators over known properties, values of their types
 * (also written as text, `"true"`), and not endless. Throws `bad-input` with the path of what is
 * wrong, such as `body.filter.of.0.property`.
 */
export function readFilter(value: unknown, properties: readonly Property[], field: string): Filter {
  let parts = 0
  const read = (part: unknown, path: string, depth: number): Filter => {
    parts++
    if (parts > limits.filterPartsMax || depth > limits.filterDepthMax) {
      const most = `${limits.filterPartsMax} parts, ${limits.filterDepthMax} deep`
      throw badInput(field, `is too large: at most ${most}`)
    }
    if (!isJsonObject(part)) throw badInput(path, 'has to be an object with op')
    const { op } = part
    if (op === 'and' || op === 'or') {
      const { of } = part
      if (!Array.isArray(of) || of.length === 0) throw badInput(`${path}.of`, 'has to be a list')
      return { op, of: of.map((each, index) => read(each, `${path}.of.${index}`, depth + 1)) }
    }
    if (op === 'not') return { op, of: read(part.of, `${path}.of`, depth + 1) }
    return readComparison(part, properties, path)
  }
  return read(value, field, 1)
}

function readComparison(
  part: { [member: string]: Json },
  properties: readonly Property[],
  path: string,
): Filter {
  const { op } = part
  const property = properties.find(({ name }) => name === part.property)
  if (property === undefined || property.type === 'object') {
    throw badInput(`${path}.property`, 'is not a property of the model that can be compared')
  }
  const { name } = property
  switch (op) {
    case 'eq':
    case 'ne':
    case 'lt':
    case 'le':
    case 'gt':
    case 'ge':
      return { op, property: name, value: readValue(part.value, property, `${path}.value`) }
    case 'startsWith':
    case 'endsWith':
    case 'contains': {
      const value = readValue(part.value, property, `${path}.value`)
      if (typeof value === 'string') return { op, property: name, value }
      throw badInput(`${path}.value`, 'has to be text')
    }
    case 'in': {
      const { values } = part
      if (!Array.isArray(values) || values.length === 0 || values.length > limits.filterPartsMax) {
        throw badInput(`${path}.values`, `has to be a list of 1 to ${limits.filterPartsMax}`)
      }
      const read = (value: Json, index: number) =>
        readValue(value, property, `${path}.values.${index}`)
      return { op, property: name, values: values.map(read) }
    }
    default:
      throw badInput(`${path}.op`, 'is no operator of a filter')
  }
}

function readValue(value: Json | undefined, { type }: Property, path: string): Json {
  if (value === null) return null
  if (type === 'boolean') {
    if (value === true || value === 'true') return true
    if (value === false || value === 'false') return false
    throw badInput(path, 'has to be true or false')
  }
  if (type === 'integer' || type === 'number') {
    const number = value === '' ? Number.NaN : Number(value)
    if (Number.isFinite(number)) return number
    throw badInput(path, 'has to be a number')
  }
  if (typeof value === 'string' && value.length <= limits.fieldCharsMax) return value
  throw badInput(path, 'has to be text')
}
