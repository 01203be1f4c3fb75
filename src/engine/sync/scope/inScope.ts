import { type Filter, matches } from '../../../core/filter.ts'
import type { JsonObject } from '../../../core/json.ts'
import type { Model } from '../../../core/model.ts'

/**
 * Whether a sync takes an object in. A list is asked for with the filter where the service can, but
 * a delta brings every change: what it brings is judged here. An object of which a delta shows only
 * a part is judged by what is stored of it with that part laid over, which is the caller's to do.
 */
export function inScopeOf(
  model: Model,
  filter: Filter | undefined,
): (object: JsonObject) => boolean {
  if (filter === undefined) return () => true
  const known = new Set(model.properties.map(({ name }) => name))
  // A property that a later version of the model no longer reads is absent from every object:
  // compared as such, the filter would put all of them out of scope.
  if (!propertiesOf(filter).every((property) => known.has(property))) return () => true
  return (object) => matches(filter, object)
}

function propertiesOf(filter: Filter): string[] {
  if ('property' in filter) return [filter.property]
  return filter.op === 'not' ? propertiesOf(filter.of) : filter.of.flatMap(propertiesOf)
}
