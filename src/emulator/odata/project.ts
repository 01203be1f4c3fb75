import { entityType } from '../../catalogue/graph.ts'
import { blankObject, type JsonObject } from '../../core/json.ts'
import { propertyReader } from '../directory/computed.ts'
import type { Entity, Tenant } from '../directory/types.ts'
import { readSelect } from './select.ts'

export type Projector = (entity: Entity) => JsonObject

/** Makes of an entity the object that an answer shows: the named properties, in that order. */
export function projector(tenant: Tenant, type: string, names: readonly string[]): Projector {
  const declared = entityType(type)
  const readers = names.map((name) => {
    const many = declared?.byName.get(name.toLowerCase())?.many === true
    return { name, read: propertyReader(type, name, many) }
  })
  const blank = blankObject(names)
  return (entity) => {
    const object = { ...blank }
    for (const { name, read } of readers) object[name] = read(tenant, entity)
    return object
  }
}

/**
 * For items of one or several types. With `marked` every object says what it is, as in lists of
 * directory objects; what one of the types does not have is left out of its objects there.
 */
export function typedProjector(
  tenant: Tenant,
  types: readonly string[],
  select: string | null,
  marked: boolean,
): Projector {
  const byType = new Map(
    types.map((type) => {
      const known = marked && select !== null ? namesOf(types, type, select) : select
      return [type, projector(tenant, type, readSelect(type, known))]
    }),
  )
  return (entity) => {
    const show = byType.get(entity.type) ?? projector(tenant, entity.type, ['id'])
    const object = show(entity)
    return marked ? { '@odata.type': `#microsoft.graph.${entity.type}`, ...object } : object
  }
}

/** Those of the selected names that `type` has; a name that none of the types has is refused. */
function namesOf(types: readonly string[], type: string, select: string): string {
  const names = select.split(',').map((name) => name.trim())
  const has = (one: string, name: string) =>
    entityType(one)?.byName.has(name.toLowerCase()) === true
  const known = names.filter((name) => has(type, name) || !types.some((other) => has(other, name)))
  return known.length === 0 ? 'id' : known.join(',')
}
