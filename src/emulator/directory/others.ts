import type { JsonObject } from '../../core/json.ts'
import type { Entity, Others, Place } from './types.ts'

export function newOthers(places: readonly Place[]): Others {
  return { places, written: new Map(), gone: new Set() }
}

/** The entities as they are now: without those that are gone, with what was written. */
export function current<T extends Entity>(others: Others, entities: readonly T[]): T[] {
  return entities
    .filter(({ id }) => !others.gone.has(id))
    .map((entity) => {
      const written = others.written.get(entity.id)
      return written === undefined ? entity : { ...entity, data: { ...entity.data, ...written } }
    })
}

/** Replaces properties of one that is made when asked for; others of it stay. */
export function writeOther(others: Others, id: string, values: JsonObject): void {
  others.written.set(id, { ...others.written.get(id), ...values })
}
