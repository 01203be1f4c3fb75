import { api } from '../../src/contract/api.ts'
import { type Route, routesOf } from '../../src/contract/route.ts'
import { isJsonObject, type Json, type JsonObject } from '../../src/core/json.ts'

export type Part = 'path' | 'query' | 'headers' | 'body'

/** One place of a request that takes a value, as its route declares it. */
export interface Field {
  part: Part
  path: readonly string[]
  /** As problems name it: `body.graph.tenantId`. */
  name: string
  schema: JsonObject
}

export const routes: readonly Route[] = routesOf(api)

/** The route of what is asked: its name, and behind a blank what is special. */
export function routeOf(what: string): Route {
  const route = routes.find(({ name }) => name === what.split(' ')[0])
  if (route === undefined) throw new Error(`there is no route ${what}`)
  return route
}

/** Every field of a route at every depth, lists and records by their first member. */
export function fieldsOf(route: Route): Field[] {
  return partsOf(route).flatMap(({ part, schema }) => {
    const inside = within(part, [], schema)
    return part === 'body' ? [fieldAt(part, [], schema), ...inside] : inside
  })
}

/** The objects of a request in which a member nobody declared could hide. */
export function objectsOf(route: Route): Field[] {
  const levels = partsOf(route).flatMap(({ part, schema }) => [
    fieldAt(part, [], schema),
    ...within(part, [], schema),
  ])
  return levels.filter(
    ({ part, schema }) =>
      (part === 'query' || part === 'body') &&
      isJsonObject(schema.properties) &&
      schema.anyOf === undefined,
  )
}

/** The free-form records of a body: their names come from outside too. */
export function recordsOf(route: Route): Field[] {
  return fieldsOf(route).filter(({ schema }) => isJsonObject(schema.patternProperties))
}

function partsOf(route: Route): { part: Part; schema: JsonObject }[] {
  const { params: path, query, headers, body } = route
  const given: Partial<Record<Part, unknown>> = { path, query, headers, body }
  // What a route does not declare it takes no member of.
  const closed = { type: 'object', properties: {}, additionalProperties: false }
  return (['path', 'query', 'headers', 'body'] as const).flatMap((part) => {
    const schema: unknown = part === 'query' ? (given.query ?? closed) : given[part]
    return schema === undefined ? [] : [{ part, schema: plain(schema) }]
  })
}

/** The name of the member by which a record is tried. */
const recordMember = 'department'

function within(part: Part, path: readonly string[], schema: JsonObject): Field[] {
  const { properties, items, anyOf, patternProperties } = schema
  const members = isJsonObject(properties) ? Object.entries(properties) : []
  if (isJsonObject(patternProperties)) {
    members.push([recordMember, Object.values(patternProperties)[0] ?? {}])
  }
  if (isJsonObject(items)) members.push(['0', items])
  const own = members.flatMap(([name, member]) => {
    if (!isJsonObject(member)) return []
    const at = [...path, name]
    return [fieldAt(part, at, member), ...within(part, at, member)]
  })
  const branches = Array.isArray(anyOf) ? anyOf.filter(isJsonObject) : []
  return [...own, ...branches.flatMap((branch) => within(part, path, branch))]
}

function fieldAt(part: Part, path: readonly string[], schema: JsonObject): Field {
  return { part, path, name: [part, ...path].join('.'), schema }
}

/** TypeBox's hidden members left out: what a reader of the API document sees. */
function plain(schema: unknown): JsonObject {
  const copy: unknown = JSON.parse(JSON.stringify(schema))
  return isJsonObject(copy) ? copy : {}
}

/** The value at a path, or undefined where there is none. */
export function valueAt(value: Json | undefined, path: readonly string[]): Json | undefined {
  let at: Json | undefined = value
  for (const name of path) {
    if (Array.isArray(at)) at = at[Number(name)]
    else at = isJsonObject(at) && Object.hasOwn(at, name) ? at[name] : undefined
  }
  return at
}
