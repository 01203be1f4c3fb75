import { entityType } from '../../catalogue/graph.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import { propertyReader } from '../directory/computed.ts'
import type { Entity, Tenant } from '../directory/types.ts'

export type Projector = (entity: Entity) => JsonObject

/** Makes of an entity the object that an answer shows: the named properties, in that order. */
export function projector(tenant: Tenant, type: string, names: readonly string[]): Projector {
  const declared = entityType(type)
  const readers = names.map((name) => {
    const many = declared?.byName.get(name.toLowerCase())?.many === true
    return { name, read: propertyReader(type, name, many) }
  })
  return (entity) => {
    const object: JsonObject = {}
    for (const { name, read } of readers) object[name] = read(tenant, entity)
    return object
  }
}

/** One property, by its name in any case. */
export function propertyOf(tenant: Tenant, entity: Entity, name: string): Json {
  const property = entityType(entity.type)?.byName.get(name.toLowerCase())
  if (property === undefined) return null
  return propertyReader(entity.type, property.name, property.many)(tenant, entity)
}
