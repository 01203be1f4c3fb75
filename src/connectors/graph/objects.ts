import { blankObject, isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import type { ObjectLinks, ReadObject, RejectedObject } from '../../core/readObject.ts'
import { type Check, checkOf, isStorable, wrong } from './values.ts'

/** How raw objects become what the model says, compiled once per model: it runs for every user. */
export interface ObjectReader {
  /**
   * `expanded`: the relations this read asked for by `$expand`; the links of others are left out,
   * which means "not read". A raw object that breaks the model's types is rejected, not repaired.
   */
  read(raw: Json, expanded: ReadonlySet<string>): ReadObject | RejectedObject
  keyOf(raw: Json): string | undefined
}

interface PathLink {
  kind: string
  head: string
  rest: readonly string[]
  /** The head is a relation, there only when expanded or, in a delta, when it changed. */
  relation: boolean
}

/** `relations`: names that are navigation properties of the model's noun, not plain ones. */
export function createObjectReader(model: Model, relations: ReadonlySet<string>): ObjectReader {
  const names: string[] = []
  const checks: Check[] = []
  for (const property of model.properties) {
    names.push(property.name)
    checks.push(checkOf(property))
  }
  const blank = blankObject(names)
  const pathLinks = model.links.flatMap(({ kind, from }): PathLink[] => {
    const [head, ...rest] = from?.split('.') ?? []
    return head === undefined ? [] : [{ kind, head, rest, relation: relations.has(head) }]
  })

  function keyOf(raw: Json): string | undefined {
    const key = isJsonObject(raw) ? raw[model.key] : undefined
    return isKey(key) ? key : undefined
  }

  return {
    keyOf,
    read(raw, expanded) {
      const key = keyOf(raw)
      if (key === undefined || !isJsonObject(raw)) {
        return { key: undefined, reason: `${model.key} is missing or is not text` }
      }
      const data = { ...blank }
      for (let index = 0; index < names.length; index += 1) {
        const name = names[index] ?? ''
        const value = raw[name] ?? null
        const normal = value === null ? null : checks[index]?.(value)
        if (normal === wrong || normal === undefined) {
          return { key, reason: `${name} is not what the model says it is` }
        }
        data[name] = normal
      }
      const links = readLinks(pathLinks, raw, expanded)
      return typeof links === 'string' ? { key, reason: links } : { data, links }
    },
  }
}

function readLinks(
  pathLinks: readonly PathLink[],
  raw: JsonObject,
  expanded: ReadonlySet<string>,
): ObjectLinks | string {
  const links: ObjectLinks = {}
  for (const { kind, head, rest, relation } of pathLinks) {
    const changed = raw[`${head}@delta`]
    if (relation && changed !== undefined) {
      const keys = keysOfChange(changed, rest)
      if (keys === undefined) return `${head}@delta is not a list of objects`
      links[kind] = keys
    } else if (!relation || expanded.has(head)) {
      const keys = new Set<string>()
      if (!collect(raw[head] ?? null, rest, keys)) return `${head} does not hold ${rest.join('.')}`
      links[kind] = [...keys].sort()
    }
  }
  return links
}

/** `manager@delta` lists the old manager as removed beside the new one. */
function keysOfChange(changed: Json, rest: readonly string[]): string[] | undefined {
  const keys = new Set<string>()
  if (!Array.isArray(changed)) return undefined
  for (const each of changed) {
    if (!isJsonObject(each)) return undefined
    if (each['@removed'] === undefined && !collect(each, rest, keys)) return undefined
  }
  return [...keys].sort()
}

/** Adds the keys at the end of a path; lists on the way are walked through. False: not a key. */
function collect(value: Json, path: readonly string[], keys: Set<string>): boolean {
  if (value === null) return true
  if (Array.isArray(value)) return value.every((each) => collect(each, path, keys))
  const [step, ...rest] = path
  if (step === undefined) {
    if (!isKey(value)) return false
    keys.add(value)
    return true
  }
  return isJsonObject(value) && collect(value[step] ?? null, rest, keys)
}

export function isKey(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= limits.keyCharsMax &&
    isStorable(value)
  )
}
