import { entityType } from '../../catalogue/graph.ts'
import { graphPages } from '../../catalogue/graphLimits.ts'
import type { JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import { relations } from '../directory/relations.ts'
import type { Entity, Tenant } from '../directory/types.ts'
import { badQuery, GraphRefusal, unsupportedQuery } from '../graphErrors.ts'
import { typedProjector } from './project.ts'
import { unknownProperty } from './select.ts'

export interface Expansion {
  name: string
  select: string | null
  /** How far up: managers of managers, and so on. */
  levels: number
}

/** `$expand`: names with an optional `($select=...)` each. */
export function readExpand(type: string, text: string | null): Expansion[] {
  if (text === null || text.trim() === '') return []
  return splitOutsideBrackets(text).map((part) => {
    const [, name = '', inner = ''] = /^\s*(\w+)\s*(?:\((.*)\))?\s*$/.exec(part) ?? []
    const declared = entityType(type)
    const navigation = declared?.navigation.find(
      (one) => one.name.toLowerCase() === name.toLowerCase(),
    )
    if (navigation === undefined) {
      if (declared?.byName.has(name.toLowerCase()) === true) {
        throw badQuery(
          `Parsing OData Select and Expand failed: Property '${name}' on type 'microsoft.graph.${type}' is not a navigation property or complex property. Only navigation properties can be expanded.`,
        )
      }
      throw unknownProperty('Select and Expand', name, type)
    }
    if (relations[type]?.[navigation.name] === undefined) {
      throw new GraphRefusal(
        400,
        'ExpandNotSupported',
        `Expand is not allowed for property '${navigation.name}' according to the entity schema.`,
      )
    }
    const options = new URLSearchParams(inner.replaceAll(';', '&'))
    if (options.has('$expand')) {
      throw unsupportedQuery('Expanding more than one level is not supported.')
    }
    const levels = options.get('$levels') ?? '1'
    const up = navigation.name === 'manager' ? levels : '1'
    return {
      name: navigation.name,
      select: options.get('$select'),
      levels: up === 'max' ? limits.emulatorLevelsMax : Math.max(1, Number(up) || 1),
    }
  })
}

/** What `@odata.context` says is shown: `(id,manager(id))`; nothing where nothing was asked. */
export function shownIn(select: string | null, expansions: readonly Expansion[]): string {
  const expanded = expansions.map((one) => `${one.name}(${one.select ?? ''})`)
  const names = [...(select === null ? [] : [select]), ...expanded]
  return names.length === 0 ? '' : `(${names.join(',')})`
}

function splitOutsideBrackets(text: string): string[] {
  return text.split(/,(?![^(]*\))/)
}

/** Adds to the object of an entity what is expanded; at most twenty items, as the service does. */
export function expander(
  tenant: Tenant,
  type: string,
  expansions: readonly Expansion[],
): (entity: Entity, object: JsonObject) => JsonObject {
  const prepared = expansions.flatMap(({ name, select, levels }) => {
    const relation = relations[type]?.[name]
    return relation === undefined
      ? []
      : [{ name, relation, levels, show: typedProjector(tenant, relation.types, select, true) }]
  })
  return (entity, object) => {
    for (const { name, relation, show, levels } of prepared) {
      const end = (one: Entity, left: number): JsonObject => {
        const [next] = left > 1 ? relation.read(tenant, one) : []
        return next === undefined ? show(one) : { ...show(one), [name]: end(next, left - 1) }
      }
      const ends = relation.read(tenant, entity).slice(0, graphPages.expandMax)
      const found = ends.map((one) => end(one, levels))
      if (relation.many) object[name] = found
      else if (found[0] !== undefined) object[name] = found[0]
    }
    return object
  }
}
