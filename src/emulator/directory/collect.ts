import type { DirectoryChange, LinkChange } from './changes.ts'

/** Everything that happened to one object, put together. */
export interface Collected {
  id: string
  /** Everything is to be told: it is new, came back, or was deleted. */
  isNew: boolean
  /** The properties that changed; absent when it is all of them. */
  properties: readonly string[] | undefined
  /** The last word on each end, by relation and id. */
  links: Map<string, LinkChange>
}

export interface Tracked {
  type: 'user' | 'group'
  /** Absent: all of them. */
  properties: readonly string[] | undefined
  relations: readonly LinkChange['relation'][]
  ids: readonly string[] | null
}

/** The objects of which something tracked changed, in the order in which they first did. */
export function collectChanges(log: readonly DirectoryChange[], tracked: Tracked): Collected[] {
  const found = new Map<string, Collected>()
  for (const change of log) {
    if (change.type !== tracked.type || !isTracked(change, tracked)) continue
    const item = found.get(change.id) ?? {
      id: change.id,
      isNew: false,
      properties: [],
      links: new Map(),
    }
    found.set(change.id, item)
    if (change.what !== 'changed' || change.properties === undefined) {
      item.isNew = true
      item.properties = undefined
    } else if (item.properties !== undefined) {
      item.properties = [...item.properties, ...change.properties]
    }
    const { link } = change
    if (link !== undefined) item.links.set(`${link.relation}/${link.otherId}`, link)
  }
  return [...found.values()]
}

function isTracked(change: DirectoryChange, tracked: Tracked): boolean {
  if (tracked.ids !== null && !tracked.ids.includes(change.id)) return false
  if (change.link !== undefined) return tracked.relations.includes(change.link.relation)
  const { properties } = change
  if (change.what !== 'changed' || properties === undefined) return true
  return tracked.properties?.some((name) => properties.includes(name)) ?? true
}
