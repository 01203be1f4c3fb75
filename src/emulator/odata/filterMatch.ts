import { entityType } from '../../catalogue/graph.ts'
import { isJsonObject, type Json } from '../../core/json.ts'
import { propertyReader } from '../directory/computed.ts'
import type { Entity, Tenant } from '../directory/types.ts'
import type { Comparison, FilterNode, Literal } from './filterParser.ts'
import { unknownProperty } from './select.ts'

type Read<T> = (item: T) => Json
type Test<T> = (item: T) => boolean

/** A test for entities of `type`. Text compares without case, as the directory does. */
export function compileFilter(tenant: Tenant, type: string, node: FilterNode): Test<Entity> {
  return compile(node, (path) => entityReader(tenant, type, path))
}

function entityReader(tenant: Tenant, type: string, path: readonly string[]): Read<Entity> {
  const [first = '', ...rest] = path
  const property = entityType(type)?.byName.get(first.toLowerCase())
  if (property === undefined) throw unknownProperty('Filter', first, type)
  const read = propertyReader(type, property.name, property.many)
  return (entity) => valueAt(read(tenant, entity), rest)
}

function valueAt(value: Json, path: readonly string[]): Json {
  const [first, ...rest] = path
  if (first === undefined) return value
  if (first === '$count') return Array.isArray(value) ? value.length : 0
  return isJsonObject(value) ? valueAt(value[first] ?? null, rest) : null
}

function compile<T>(node: FilterNode, reader: (path: readonly string[]) => Read<T>): Test<T> {
  switch (node.op) {
    case 'and':
    case 'or': {
      const left = compile(node.left, reader)
      const right = compile(node.right, reader)
      return node.op === 'and'
        ? (item) => left(item) && right(item)
        : (item) => left(item) || right(item)
    }
    case 'not': {
      const test = compile(node.of, reader)
      return (item) => !test(item)
    }
    case 'any': {
      const read = reader(node.path)
      const test =
        node.of === undefined
          ? () => true
          : compile<Json>(node.of, (path) => (item) => valueAt(item, path))
      return (item) => {
        const values = read(item)
        return Array.isArray(values) && values.some(test)
      }
    }
    case 'in': {
      const read = reader(node.path)
      const wanted = new Set(node.values.map(fold))
      return (item) => wanted.has(fold(read(item)))
    }
    case 'startsWith':
    case 'endsWith':
    case 'contains':
      return compileText(node.op, reader(node.path), node.value.toLowerCase())
    default:
      return compileComparison(node.op, reader(node.path), fold(node.value))
  }
}

function compileText<T>(
  op: 'startsWith' | 'endsWith' | 'contains',
  read: Read<T>,
  wanted: string,
): Test<T> {
  const text = (item: T) => {
    const value = read(item)
    return typeof value === 'string' ? value.toLowerCase() : ''
  }
  if (op === 'startsWith') return (item) => text(item).startsWith(wanted)
  if (op === 'endsWith') return (item) => text(item).endsWith(wanted)
  return (item) => text(item).includes(wanted)
}

function compileComparison<T>(op: Comparison, read: Read<T>, wanted: Literal): Test<T> {
  if (op === 'eq') return (item) => fold(read(item)) === wanted
  if (op === 'ne') return (item) => fold(read(item)) !== wanted
  if (typeof wanted === 'string' && isTime(wanted)) return compileTime(op, read, wanted)
  return (item) => {
    const value = fold(read(item))
    if (value === null || wanted === null || typeof value !== typeof wanted) return false
    return holds(op, value, wanted)
  }
}

function holds<V extends string | number | boolean>(op: Comparison, value: V, bound: V): boolean {
  if (op === 'gt') return value > bound
  if (op === 'ge') return value >= bound
  if (op === 'lt') return value < bound
  return value <= bound
}

function isTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dt[\d:.]+z$/.test(text)
}

/**
 * Times may show digits of a second or none. Nearly all stored ones show none, and these compare as
 * text with a bound of their form: parsing each of 100,000 for every page took most of its time.
 */
function compileTime<T>(op: Comparison, read: Read<T>, wanted: string): Test<T> {
  const upper = wanted.toUpperCase()
  const exact = Date.parse(upper)
  const second = Math.floor(exact / 1000) * 1000
  const hasFraction = /\.\d*[1-9]/.test(upper)
  const above = hasFraction && (op === 'ge' || op === 'lt') ? 1000 : 0
  const bound = new Date(second + above).toISOString().replace('.000Z', 'Z')
  return (item) => {
    const value = read(item)
    if (typeof value !== 'string') return false
    return value.length === bound.length
      ? holds(op, value, bound)
      : holds(op, Date.parse(value), exact)
  }
}

function fold(value: Json): Literal {
  if (typeof value === 'string') return value.toLowerCase()
  return typeof value === 'object' ? null : value
}
