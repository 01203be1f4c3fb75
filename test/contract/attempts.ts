import type { Route } from '../../src/contract/route.ts'
import { isJsonObject, type Json, type JsonObject } from '../../src/core/json.ts'
import { fullSize } from '../figures/figure.ts'
import { type Field, fieldsOf, objectsOf, recordsOf } from './fields.ts'
import { fits, fitsAsText } from './fits.ts'
import * as hostile from './hostileValues.ts'
import { addressOf, type Sent } from './sender.ts'
import type { ValidRequest } from './validRequests.ts'

/** One request that is right but for one field. */
export interface Attempt {
  what: string
  /** As a problem would name it, or the object around a member whose own name cannot be shown. */
  field: string
  /** Made when it is sent: all of them together would be hundreds of megabytes. */
  sent: () => Sent
}

/** One whose value the schema lets in. */
export interface LegalAttempt extends Attempt {
  schema: JsonObject
  value: Json
}

/** Longer addresses are refused before anything of them is read: see badHttp.test.ts. */
const addressCharsMax = 8_000

export function validRequest(route: Route, valid: ValidRequest): Sent {
  return build(route, valid, bodyOf(valid))
}

/** The requests of which every one must be refused, naming the field. */
export function refusedAttempts(route: Route, valid: ValidRequest): Attempt[] {
  return [
    ...fieldsOf(route).flatMap((field, place) =>
      hostile.hostileValues
        .filter((value, at) => isShare(value, at + place))
        .filter((value) => !isLegal(field, value))
        .flatMap((value) => attempt(route, valid, field, value)),
    ),
    ...objectsOf(route).flatMap((object) => strangers(route, valid, object, membersFor(object))),
    ...recordsOf(route).flatMap((record) =>
      strangers(route, valid, record, hostile.unknownProperties),
    ),
    ...tooOften(route, valid),
  ]
}

/** Unusual, but to be kept as it is or refused in words. */
export function legalAttempts(route: Route, valid: ValidRequest): LegalAttempt[] {
  const { fewLegal, hostileValues } = hostile
  return fieldsOf(route).flatMap((field, place) => {
    // Where successes take long each field gets a few texts and its share of the others.
    const isTried = (value: hostile.Hostile, at: number) =>
      valid.slow && value.json.startsWith('"')
        ? fewLegal.includes(value.what) || (at + place) % 4 === 0
        : isShare(value, at + place)
    return hostileValues
      .filter((value, at) => isLegal(field, value) && isTried(value, at))
      .flatMap((value) => attempt(route, valid, field, value))
  })
}

/** Whether a field gets a value in each run, or this time: neighbours get different ones. */
function isShare(value: hostile.Hostile, place: number): boolean {
  return fullSize || hostile.isForEach(value) || place % 3 === 0
}

function isLegal({ part, schema }: Field, tried: hostile.Hostile): boolean {
  if (part !== 'body') return fitsAsText(schema, asText(part, tried))
  return tried.isPlain && fits(schema, tried.value)
}

/** What stands in path, query or header for JSON. Spaces around a header are no part of it. */
function asText(part: Field['part'], { json, value }: hostile.Hostile): string {
  const text = typeof value === 'string' ? value : json
  return part === 'headers' ? text.replaceAll(/^ +| +$/g, '') : text
}

/** The requests that have this value in a field: one, or none where it cannot be sent there. */
export function attempt(
  route: Route,
  valid: ValidRequest,
  field: Field,
  tried: hostile.Hostile,
): LegalAttempt[] {
  const { part, name, schema, path } = field
  const made = { what: `${name} = ${tried.what}`, field: name, schema, value: tried.value }
  if (part === 'body')
    return [{ ...made, sent: () => build(route, valid, bodyWith(valid, field, tried.json)) }]
  const text = asText(part, tried)
  if (!mayStandIn(part, text)) return []
  const [member = ''] = path
  const value = part === 'headers' ? Buffer.from(text).toString('latin1') : text
  const around = { ...valid, [part]: { ...valid[part], [member]: value } }
  return [{ ...made, sent: () => validRequest(route, around) }]
}

/** Whether the text can be sent there at all. */
function mayStandIn(part: Field['part'], text: string): boolean {
  if (text.length > addressCharsMax || !text.isWellFormed()) return false
  if (encodeURIComponent(text).length > addressCharsMax) return false
  // An empty segment is another address.
  if (part === 'path') return text !== ''
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is these that a client refuses
  return part !== 'headers' || !/[\u0000-\u001f\u007f]/.test(text)
}

function membersFor({ schema }: Field): string[] {
  const declared = Object.keys(isJsonObject(schema.properties) ? schema.properties : {})
  const otherCase = declared.map((name) => `${name.charAt(0).toUpperCase()}${name.slice(1)}`)
  const names = [...hostile.unknownMembers, ...otherCase, ...declared.map((name) => `${name} `)]
  return names.filter((name) => !declared.includes(name))
}

/** An object or record with one member it should not have. */
function strangers(
  route: Route,
  valid: ValidRequest,
  object: Field,
  names: readonly string[],
): Attempt[] {
  return names.flatMap((name) => {
    const field = /^[\w. ]{0,64}$/.test(name) ? `${object.name}.${name}` : object.name
    const what = `${object.name} with ${JSON.stringify(name).slice(0, 40)}`
    if (object.part === 'body') {
      const mark = 'a stranger'
      const inside = { ...object, path: [...object.path, mark] }
      const sent = () => {
        const body = bodyWith(valid, inside, '"x"')
        return build(
          route,
          valid,
          body.replace(`"${mark}"`, () => JSON.stringify(name)),
        )
      }
      return [{ what, field, sent }]
    }
    if (!mayStandIn('query', name)) return []
    const query = [...Object.entries(valid.query ?? {}), [name, 'x'] as const]
    return [{ what, field, sent: () => build(route, valid, bodyOf(valid), query) }]
  })
}

/** Query members given twice, or once more than a list takes. */
function tooOften(route: Route, valid: ValidRequest): Attempt[] {
  const fields = fieldsOf(route).filter(({ part, path }) => part === 'query' && path.length === 1)
  return fields.map(({ name, path, schema }) => {
    const [member = ''] = path
    const times = Number(schema.maxItems ?? 1) + 1
    const query = Array.from({ length: times }, () => [member, '1'] as const)
    const what = `${name} ${times} times`
    return { what, field: name, sent: () => build(route, valid, bodyOf(valid), query) }
  })
}

function bodyOf({ body }: ValidRequest): string | undefined {
  return body && JSON.stringify(body)
}

function build(
  route: Route,
  valid: ValidRequest,
  body: string | undefined,
  query: readonly (readonly [string, string])[] = Object.entries(valid.query ?? {}),
): Sent {
  const path = addressOf(route, valid.path ?? {}, query)
  const { headers = {} } = valid
  return { method: route.method, path, headers, ...(body !== undefined && { body }) }
}

/** The body as JSON with the text given at the field's place; objects on the way are made. */
function bodyWith(valid: ValidRequest, field: Field, json: string): string {
  if (field.path.length === 0) return json
  const mark = 'the hostile value'
  const body = structuredClone(valid.instead?.[field.name] ?? valid.body ?? {})
  let at: Json = body
  for (const [depth, name] of field.path.entries()) {
    if (typeof at !== 'object' || at === null) throw new Error(`${field.name} has no place`)
    // Lists take the names of their indices as well.
    const members = at as JsonObject
    if (depth === field.path.length - 1) members[name] = mark
    else members[name] ??= {}
    at = members[name] ?? null
  }
  return JSON.stringify(body).replace(`"${mark}"`, () => json)
}
