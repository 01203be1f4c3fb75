import { entityType } from '../../catalogue/graph.ts'
import { collectionRules } from '../../catalogue/graphCollections.ts'
import { limits } from '../../core/limits.ts'
import type { Model, Operation } from '../../core/model.ts'
import { graphCost } from './cost.ts'
import { createObjectReader, type ObjectReader } from './objects.ts'

/** One read of a model, ready to be sent: what to ask, what it costs, what comes with it. */
export interface Reading {
  /** `users/{key}`: segments between slashes, `{key}` where the object's key goes. */
  template: string
  query: Readonly<Record<string, string>>
  cost: number
  expanded: ReadonlySet<string>
  /** An advanced query: reads the index that lags, and must say so on every page. */
  eventual: boolean
  /** Set where the next page is asked for by `$skip`: how many objects make a full page. */
  skipBy: number | undefined
}

/** A model compiled for Graph. */
export interface GraphModel {
  reader: ObjectReader
  list: Reading
  get: Reading | undefined
  delta: Reading | undefined
}

/**
 * `$select` and `$top` follow from the model; what the operation's `with` names takes their place,
 * and an empty text leaves the option out (`$top: ''`).
 */
export function compileModel(model: Model, pageSize: number): GraphModel {
  const relations = new Set(entityType(model.noun)?.navigation.map(({ name }) => name))
  const plain = [model.key, ...model.properties.map(({ name }) => name)]
  const heads = model.links.flatMap(({ from }) => from?.split('.')[0] ?? [])
  const selected = unique([...plain, ...heads.filter((head) => !relations.has(head))])
  const sublists = model.links.flatMap(({ call }) => call ?? [])
  const $select = selected.join(',')
  return {
    reader: createObjectReader(model, relations),
    list: listReading(model.list, { $select }, pageSize),
    get: model.get && reading(model.get, { $select }),
    // A delta reports relations only when `$select` names them, and takes neither $top nor $expand.
    delta:
      model.delta &&
      reading(model.delta, { $select: unique([...selected, ...heads, ...sublists]).join(',') }),
  }
}

/** A list in pages of so many, or of fewer where its collection takes no more. */
function listReading(
  operation: Operation,
  derived: Record<string, string>,
  pageSize: number,
): Reading {
  const rules = collectionRules(operation.call.replaceAll('{key}', '{id}'))
  if (!rules.options) return reading(operation, {})
  if (rules.topMax === undefined) return reading(operation, derived)
  const top = Math.min(pageSize, rules.topMax)
  const paged = reading(operation, { ...derived, $top: String(top) })
  return { ...paged, skipBy: rules.skips ? top : undefined }
}

/** The keys of a list that belongs to an object, by the `call` of a link: `members`. */
export function sublistReading(model: Model, call: string): Reading {
  const template = call.includes('{key}') ? call : `${itemTemplate(model)}/${call}`
  return listReading({ call: template, with: {} }, { $select: 'id' }, limits.graphPageMax)
}

export function itemTemplate(model: Model): string {
  return model.get?.call ?? `${model.list.call}/{key}`
}

function reading(operation: Operation, derived: Record<string, string>): Reading {
  const merged = Object.entries({ ...derived, ...operation.with })
  const query = Object.fromEntries(merged.filter(([, value]) => value !== ''))
  return {
    template: operation.call,
    query,
    cost: graphCost('GET', operation.call, query),
    expanded: new Set(expandedNames(query.$expand ?? '')),
    eventual: query.$count === 'true' || query.$search !== undefined,
    skipBy: undefined,
  }
}

/** `manager($select=id),owners` -> manager, owners. */
function expandedNames(expand: string): string[] {
  return expand
    .replace(/\([^)]*\)/g, '')
    .split(',')
    .filter((name) => name !== '')
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)]
}

/** The path segments of a template. The key fills its own segment, so it needs no quoting here. */
export function pathOf(template: string, key?: string): string[] {
  return template.split('/').map((segment) => (segment === '{key}' ? (key ?? '') : segment))
}
