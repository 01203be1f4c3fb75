import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'

export interface FoldedDelta {
  present: Json[]
  removed: string[]
}

/**
 * One page of changes with every object once. A delta repeats objects (a large group comes ten
 * times, each time with another part of its members) and may say removed and present of one key:
 * the later entry counts. `keyOf` undefined: kept as it is, to be rejected with its reason.
 */
export function foldDelta(
  items: Iterable<Json>,
  keyOf: (raw: Json) => string | undefined,
): FoldedDelta {
  const present = new Map<string, JsonObject>()
  const removed = new Set<string>()
  const nameless: Json[] = []
  for (const item of items) {
    const key = keyOf(item)
    if (key === undefined || !isJsonObject(item)) {
      nameless.push(item)
    } else if (item['@removed'] !== undefined) {
      present.delete(key)
      removed.add(key)
    } else {
      removed.delete(key)
      present.set(key, merge(present.get(key), item))
    }
  }
  return { present: [...present.values(), ...nameless], removed: [...removed] }
}

/** Later properties win; changes of a relation (`manager@delta`) add up. */
function merge(earlier: JsonObject | undefined, later: JsonObject): JsonObject {
  if (earlier === undefined) return later
  const merged: JsonObject = { ...earlier, ...later }
  for (const [name, before] of Object.entries(earlier)) {
    const after = later[name]
    if (name.endsWith('@delta') && Array.isArray(before) && Array.isArray(after)) {
      merged[name] = [...before, ...after]
    }
  }
  return merged
}
