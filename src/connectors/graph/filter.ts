import { type FilterOperator, filterSupport } from '../../catalogue/graphFilter.ts'
import { type AppError, badInput } from '../../core/errors.ts'
import type { Filter } from '../../core/filter.ts'
import type { Json } from '../../core/json.ts'
import type { Model, Property } from '../../core/model.ts'
import { checkOf, wrong } from './values.ts'

/**
 * A filter as the text of `$filter`, by the types of the model's properties. Values are quoted as
 * OData 4.01 section 5.1.1.14 says, and only declared names are written, so no value can become a
 * clause. Throws bad-input naming the property that is not declared or the value that is not of its
 * type. Which operators Graph takes on which property is Graph's to say.
 */
export function odataFilter(filter: Filter, properties: readonly Property[]): string {
  switch (filter.op) {
    case 'and':
    case 'or': {
      const parts = filter.of.map((part) => odataFilter(part, properties))
      if (parts.length === 0) throw badInput('filter', `has an "${filter.op}" of nothing`)
      return `(${parts.join(` ${filter.op} `)})`
    }
    case 'not':
      return `not (${odataFilter(filter.of, properties)})`
    case 'in': {
      const property = declared(filter.property, properties)
      const values = filter.values.map((value) => literal(value, property))
      if (values.length === 0) throw badInput(filter.property, 'is compared with no value at all')
      return onItem(property, (name) => `${name} in (${values.join(',')})`)
    }
    case 'startsWith':
    case 'endsWith':
    case 'contains': {
      const property = declared(filter.property, properties)
      if (property.type !== 'string') throw badInput(property.name, 'is not text')
      const value = literal(filter.value, property)
      return onItem(property, (name) => `${filter.op.toLowerCase()}(${name},${value})`)
    }
    default: {
      const property = declared(filter.property, properties)
      const value = literal(filter.value, property)
      return onItem(property, (name) => `${name} ${filter.op} ${value}`)
    }
  }
}

/** A collection is filtered by its items; `p` is the variable Microsoft's own pages use. */
function onItem(property: Property, render: (name: string) => string): string {
  return property.many ? `${property.name}/any(p:${render('p')})` : render(property.name)
}

function declared(name: string, properties: readonly Property[]): Property {
  const found = properties.find((property) => property.name === name)
  if (found === undefined || found.type === 'object') {
    throw badInput(name, 'is not a property that can be filtered by')
  }
  return found
}

function literal(value: Json, property: Property): string {
  if (value === null) return 'null'
  const normal = checkOf({ ...property, many: false })(value)
  if (normal === wrong || typeof normal === 'object') throw notOfType(property)
  const quoted = property.type === 'string'
  return quoted ? `'${String(normal).replaceAll("'", "''")}'` : String(normal)
}

function notOfType({ name, type }: Property): AppError {
  return badInput(name, `is compared with a value that is not of type ${type}`)
}

/**
 * The filter as text where Graph takes it plainly, beside `$expand`; undefined where only an
 * advanced query would, or nobody says so: such a list is read whole.
 */
export function plainFilter(filter: Filter, model: Model): string | undefined {
  return isPlain(filter, model) ? odataFilter(filter, model.properties) : undefined
}

function isPlain(filter: Filter, model: Model): boolean {
  if (filter.op === 'and' || filter.op === 'or') return filter.of.every((of) => isPlain(of, model))
  const operator = plainOperators[filter.op]
  // `in` takes fifteen values plainly (Graph, advanced queries on directory objects).
  if (operator === undefined || !('property' in filter)) return false
  if (filter.op === 'in' && filter.values.length > 15) return false
  if ('value' in filter && filter.value === null) return false
  const name = model.properties.find(({ name, many }) => name === filter.property && !many)?.name
  const support = name === undefined ? undefined : filterSupport(model.noun, name, operator)
  return support === 'default+advanced' || support === 'default only'
}

const plainOperators: Readonly<Partial<Record<Filter['op'], FilterOperator>>> = {
  ...{ eq: 'eq', in: 'eq', startsWith: 'startsWith', ge: 'geLe', le: 'geLe' },
}

export function bothFilters(one: string | undefined, other: string): string {
  return one === undefined ? other : `(${one}) and ${other}`
}
