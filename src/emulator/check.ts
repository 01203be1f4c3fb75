import { type CatalogueProperty, complexType, entityType, shortName } from '../catalogue/graph.ts'
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts'
import { limits } from '../core/limits.ts'
import type { Reply, Request } from './exchange.ts'

/** An answer of ours that Microsoft's own schema would not allow: a mistake of the emulator. */
export interface Violation {
  call: string
  problem: string
}

/** Compares an answer with the catalogue and adds to `found` what does not fit. */
export function checkReply(found: Violation[], request: Request, reply: Reply): void {
  const { shape } = reply
  if (shape === undefined || reply.status >= 300 || reply.body === '') return
  const body: unknown = JSON.parse(reply.body)
  const problems = problemsOfBody(body, shape.type, shape.many)
  const call = `${request.method} ${request.path}?${request.queryText}`
  for (const problem of problems) {
    if (found.length < limits.emulatorViolationsMax) found.push({ call, problem })
  }
}

function problemsOfBody(body: unknown, type: string, many: boolean): string[] {
  if (!isJsonObject(body)) return ['the body is not an object']
  if (!many) return problemsOfEntity(body, type)
  if (!Array.isArray(body.value)) return ['value is not a collection']
  return body.value.flatMap((item) =>
    isJsonObject(item) ? problemsOfEntity(item, type) : ['an item is not an object'],
  )
}

function problemsOfEntity(object: JsonObject, listedAs: string): string[] {
  const stated = object['@odata.type']
  const type = typeof stated === 'string' ? shortName(stated) : listedAs
  const declared = entityType(type)
  if (declared === undefined) return [`there is no type ${type}`]
  return Object.entries(object).flatMap(([name, value]) => {
    if (name.startsWith('@')) return []
    const navigation = declared.navigation.find((one) => one.name === name.replace(/@delta$/, ''))
    if (navigation !== undefined) return problemsOfLinked(value, shortName(navigation.declaredType))
    const property = declared.properties.find((one) => one.name === name)
    if (property === undefined) return [`${type} has no ${name}`]
    return problemsOfValue(property, value).map((problem) => `${type}.${name} ${problem}`)
  })
}

function problemsOfLinked(value: Json, type: string): string[] {
  const items = Array.isArray(value) ? value : [value]
  return items.flatMap((item) =>
    isJsonObject(item) ? problemsOfEntity(item, type) : ['a linked item is not an object'],
  )
}

function problemsOfValue(property: CatalogueProperty, value: Json): string[] {
  if (property.many) {
    if (!Array.isArray(value)) return ['is not a collection']
    return value.flatMap((item) => problemsOfOne(property, item))
  }
  if (value === null) return property.nullable ? [] : ['is null']
  return problemsOfOne(property, value)
}

function problemsOfOne(property: CatalogueProperty, value: Json): string[] {
  switch (property.type) {
    case 'boolean':
      return typeof value === 'boolean' ? [] : ['is not a boolean']
    case 'integer':
      return Number.isInteger(value) ? [] : ['is not an integer']
    case 'number':
      return typeof value === 'number' ? [] : ['is not a number']
    case 'guid':
      return /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(String(value)) ? [] : ['is not a GUID']
    case 'dateTime':
      return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(String(value)) ? [] : ['is not a date']
    case 'string':
      if (typeof value !== 'string') return ['is not a string']
      return property.values?.includes(value) === false ? ['is not in its enumeration'] : []
    case 'object':
      return problemsOfComplex(property, value)
  }
}

function problemsOfComplex(property: CatalogueProperty, value: Json): string[] {
  if (!isJsonObject(value)) return ['is not an object']
  const declared = complexType(shortName(property.declaredType))
  if (declared === undefined) return []
  return Object.entries(value).flatMap(([name, member]) => {
    const known = declared.properties.find((one) => one.name === name)
    if (known === undefined) return declared.open || name.startsWith('@') ? [] : [`has no ${name}`]
    return problemsOfValue(known, member).map((problem) => `${name} ${problem}`)
  })
}
