import type { JsonObject } from '../../core/json.ts'
import type { Place } from '../data/places.ts'
import type { Entity } from './types.ts'

/**
 * What a tenant holds beside people and groups, in small numbers. Most of it is made when it is
 * asked for; what has been written to it since, and what is gone, is kept here by id.
 */
export interface Others {
  readonly places: readonly Place[]
  readonly written: Map<string, JsonObject>
  readonly gone: Set<string>
}

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
