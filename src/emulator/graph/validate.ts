import {
  type CatalogueProperty,
  type ComplexType,
  complexType,
  type EntityType,
  entityType,
  shortName,
} from '../../catalogue/graph.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { badRequest, type GraphRefusal } from '../graphErrors.ts'

/** Written by the service alone although the schema does not mark them. */
const alsoReadOnly: readonly string[] = [
  'assignedLicenses',
  'deletedDateTime',
  'lastPasswordChangeDateTime',
  'licenseProcessingState',
]

/**
 * The properties of a write, checked one by one against the catalogue and under their declared
 * names. Annotations (`@odata.type`, `members@odata.bind`) are left out.
 */
export function checkValues(type: string, body: JsonObject): JsonObject {
  const declared = entityType(type)
  if (declared === undefined) throw new Error(`The catalogue has no entity type ${type}.`)
  const values: JsonObject = {}
  for (const [name, value] of Object.entries(body)) {
    if (name.includes('@')) continue
    const property = propertyNamed(declared, name)
    if (property.readOnly || alsoReadOnly.includes(property.name)) {
      throw badRequest(`Property '${property.name}' is read-only and cannot be set.`)
    }
    checkProperty(type, property, value)
    values[property.name] = value
  }
  return values
}

function propertyNamed(declared: EntityType | ComplexType, name: string): CatalogueProperty {
  const property = declared.byName.get(name.toLowerCase())
  if (property === undefined) throw badRequest(`Invalid property '${name}'.`)
  return property
}

function checkProperty(type: string, property: CatalogueProperty, value: Json): void {
  const problem = problemOf(property, value)
  if (problem !== undefined) throw invalidValue(type, property.name, problem)
}

export function invalidValue(type: string, name: string, problem?: string): GraphRefusal {
  const resource = type.charAt(0).toUpperCase() + type.slice(1)
  const message = `Invalid value specified for property '${name}' of resource '${resource}'.`
  return badRequest(message, [{ code: 'InvalidValue', message: problem ?? message, target: name }])
}

/** What is wrong with a value, or undefined. */
function problemOf(property: CatalogueProperty, value: Json): string | undefined {
  if (value === null) return property.nullable && !property.many ? undefined : 'cannot be null'
  if (!property.many) return problemOfOne(property, value)
  if (!Array.isArray(value)) return 'must be a collection'
  for (const item of value) {
    const problem = item === null ? 'holds null' : problemOfOne(property, item)
    if (problem !== undefined) return problem
  }
  return undefined
}

const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/
const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

function problemOfOne(property: CatalogueProperty, value: Json): string | undefined {
  switch (property.type) {
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'must be a boolean'
    case 'integer':
      return Number.isInteger(value) ? undefined : 'must be an integer'
    case 'number':
      return typeof value === 'number' ? undefined : 'must be a number'
    case 'object':
      return problemOfObject(property, value)
    case 'dateTime':
      return typeof value === 'string' && dateTime.test(value) ? undefined : 'must be a date'
    case 'guid':
      return typeof value === 'string' && guid.test(value) ? undefined : 'must be a GUID'
    case 'string':
      return problemOfText(property, value)
  }
}

function problemOfText(property: CatalogueProperty, value: Json): string | undefined {
  if (typeof value !== 'string') return 'must be a string'
  if (value === '') return 'cannot be an empty string'
  if (property.maxLength !== undefined && value.length > property.maxLength) {
    return `is longer than ${property.maxLength} characters`
  }
  if (property.values !== undefined && !property.values.includes(value)) {
    return 'is not a member of the enumeration'
  }
  return undefined
}

function problemOfObject(property: CatalogueProperty, value: Json): string | undefined {
  if (!isJsonObject(value)) return 'must be an object'
  const declared = complexType(shortName(property.declaredType))
  if (declared === undefined) return undefined
  for (const [name, member] of Object.entries(value)) {
    if (name.includes('@')) continue
    const known = declared.byName.get(name.toLowerCase())
    if (known === undefined && declared.open) continue
    if (known === undefined) return `has no member ${name}`
    const problem = problemOf(known, member)
    if (problem !== undefined) return `${name} ${problem}`
  }
  return undefined
}
