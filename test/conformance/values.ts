import type { Json, JsonObject } from '../../src/core/json.ts'
import type { Model, Property } from '../../src/core/model.ts'

/** What stands where, for values with rules of their own. */
export interface Place {
  /** A verified domain of the tenant. */
  domain: string
  /** The object as it is now. */
  current: JsonObject
}

type Make = (place: Place) => Json

/** Properties whose values the service narrows beyond type and length, by noun and name. */
const ownRules: Readonly<Record<string, Make>> = {
  'user.userPrincipalName': ({ domain }) => `${'u'.repeat(64)}@${domain}`,
  'user.mail': ({ domain }) => `conformance@${domain}`,
  'user.otherMails': () => ['one@example.com', 'two@example.com'],
  'user.mailNickname': () => 'n'.repeat(64),
  'user.usageLocation': ({ current }) => (current.usageLocation === 'FI' ? 'SE' : 'FI'),
  'user.userType': ({ current }) => (current.userType === 'Guest' ? 'Member' : 'Guest'),
  'user.preferredLanguage': () => 'sv-FI',
  'user.businessPhones': () => ['+358 9 123456'],
  'domain.passwordValidityPeriodInDays': () => 180,
  'domain.passwordNotificationWindowInDays': () => 21,
  'group.mailNickname': () => 'g'.repeat(64),
  'group.visibility': ({ current }) => (current.visibility === 'Private' ? 'Public' : 'Private'),
  'group.membershipRule': () => 'user.department -eq "Sales"',
  'group.membershipRuleProcessingState': () => 'Paused',
}

/** Properties the service writes itself when one of ours is written, by noun and name. */
const followers: Readonly<Record<string, string>> = {
  'user.proxyAddresses': 'mail is the primary one of them',
}

/** An object without what follows other properties of it. */
export function ownPart(model: Model, object: JsonObject): JsonObject {
  const own = Object.entries(object).filter(([name]) => !(`${model.noun}.${name}` in followers))
  return Object.fromEntries(own)
}

/** Where no length is declared. */
const someLength = 300

/** Properties a person may change here, of the types that need no schema of their own. */
export function writableProperties(model: Model): Property[] {
  if (model.update === undefined) return []
  return model.properties.filter(({ readOnly, type }) => !readOnly && type !== 'object')
}

/** Other values than the present ones, as long as they may be. */
export function longestValues(model: Model, place: Place): JsonObject {
  return valuesOf(model, place, (property) => fill('Ä', property.maxLength ?? someLength))
}

/** Texts that would be something else if any part of the way took them for code. */
export function hostileValues(model: Model, place: Place): JsonObject {
  const hostile = `'/../x?$filter=a eq 'b'&c=%2e%2e#{key}"\\<script>\u202e`
  return valuesOf(model, place, (property) => hostile.slice(0, property.maxLength))
}

function valuesOf(model: Model, place: Place, text: (property: Property) => string): JsonObject {
  const entries = writableProperties(model).map((property): [string, Json] => {
    const own = ownRules[`${model.noun}.${property.name}`]
    if (own !== undefined) return [property.name, own(place)]
    const value = otherValue(property, place.current[property.name] ?? null, text)
    return [property.name, property.many ? [value] : value]
  })
  return Object.fromEntries(entries)
}

function otherValue(property: Property, current: Json, text: (property: Property) => string): Json {
  switch (property.type) {
    case 'boolean':
      return current !== true
    case 'integer':
    case 'number':
      return Number(current) + 1
    case 'dateTime':
      return '2026-02-28T23:59:59Z'
    case 'guid':
      return '01234567-89ab-4def-8123-456789abcdef'
    default:
      return property.values?.find((value) => value !== current) ?? text(property)
  }
}

function fill(letter: string, length: number): string {
  return letter.repeat(length)
}

/** Texts one letter longer than declared, each alone, by property. */
export function tooLongValues(model: Model): [string, JsonObject][] {
  return writableProperties(model).flatMap(({ name, type, many, maxLength }) =>
    type === 'string' && !many && maxLength !== undefined
      ? [[name, { [name]: fill('x', maxLength + 1) }]]
      : [],
  )
}

/** What an object is made with: what its service asks for, and some more of each type. */
export function newValues(model: Model, domain: string, suffix: string): JsonObject {
  const required = model.create?.required ?? []
  const all = longestValues(model, { domain, current: {} })
  const values = Object.fromEntries(required.map((name) => [name, all[name] ?? null]))
  return { ...values, ...distinct[model.noun]?.(domain, suffix) }
}

/** Names of objects that are to be several, by noun. */
const distinct: Readonly<Record<string, (domain: string, suffix: string) => JsonObject>> = {
  user: (domain, suffix) => ({
    ...{ displayName: `New ${suffix}`, mailNickname: `new.${suffix}`.toLowerCase() },
    ...{ userPrincipalName: `new.${suffix}@${domain}`.toLowerCase(), usageLocation: 'FI' },
    ...{ accountEnabled: true, department: "Sales & 'Marketing'" },
  }),
}
