import type { Model, Operation, Property } from '../../../core/model.ts'

/** What one model says and another does not. Absent on a side: null. */
export interface ModelDifference {
  /** `title`, `list`, `property department`, `link member`, `needs read`. */
  part: string
  before: string | null
  after: string | null
}

/** What differs between two versions of a model, in words, in the order of a model's file. */
export function compareModels(before: Model, after: Model): ModelDifference[] {
  const was = partsOf(before)
  const is = partsOf(after)
  const parts = [...new Set([...was.keys(), ...is.keys()])]
  return parts.flatMap((part) => {
    const difference = { part, before: was.get(part) ?? null, after: is.get(part) ?? null }
    return difference.before === difference.after ? [] : [difference]
  })
}

/** Every part of a model as a line of text, so that two of them compare as texts do. */
function partsOf(model: Model): Map<string, string> {
  const { title, wire, noun, key, name, shard, list, delta, get, update, deleted } = model
  const operations = {
    list,
    delta,
    get,
    create: model.create,
    update,
    delete: model.delete,
    deleted,
  }
  const given: (readonly [string, string | undefined])[] = [
    ...Object.entries({ title, wire, noun, key, name, shard }),
    ...model.properties.map((each) => [`property ${each.name}`, propertyText(each)] as const),
    ...Object.entries(operations).map(([part, one]) => [part, one && callText(one)] as const),
    ...model.links.map(({ kind, to, from, call }) => {
      const source = from === undefined ? `list ${call}` : `from ${from}`
      return [`link ${kind}`, `${source} to ${to.join(', ')}`] as const
    }),
    ['columns', model.columns.join(', ')],
    ['needs read', [...model.needs.read].sort().join(', ')],
    ['needs write', [...model.needs.write].sort().join(', ')],
  ]
  return new Map(given.flatMap(([part, text]) => (text ? [[part, text] as const] : [])))
}

function propertyText(property: Property): string {
  const marks = [
    property.many ? `${property.type}[]` : property.type,
    property.readOnly ? 'read only' : 'writable',
    ...(property.volatile ? ['volatile'] : []),
    ...(property.maxLength === undefined ? [] : [`up to ${property.maxLength}`]),
    ...(property.values === undefined ? [] : [property.values.join(' | ')]),
  ]
  return marks.join(', ')
}

function callText(operation: Operation): string {
  const { call, with: constants, ...more } = operation
  const options = Object.entries({ ...constants, ...more })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
  return [call, ...options.sort()].join(' ')
}
