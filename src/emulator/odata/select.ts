import { entityType } from '../../catalogue/graph.ts'
import { badQuery, type GraphRefusal } from '../graphErrors.ts'

/** Filtered by and asked for elsewhere, but in no answer, as its description says. */
const neverReturned: readonly string[] = ['hasMembersWithLicenseErrors']

/**
 * The structural properties that `$select` names, or those that come by default without it. Nothing
 * is added: who does not select `id` does not get it.
 */
export function readSelect(type: string, text: string | null): readonly string[] {
  const declared = entityType(type)
  const defaults = () =>
    (declared?.properties ?? []).flatMap((one) =>
      one.returnedByDefault &&
      one.declaredType !== 'Edm.Stream' &&
      !neverReturned.includes(one.name)
        ? [one.name]
        : [],
    )
  if (text === null || text.trim() === '') return defaults()
  const names: string[] = []
  for (const part of text.split(',')) {
    const name = part.trim()
    if (name === '*') return defaults()
    const property = declared?.byName.get(name.toLowerCase())
    if (property !== undefined) {
      if (!names.includes(property.name)) names.push(property.name)
    } else if (!declared?.navigation.some((one) => one.name.toLowerCase() === name.toLowerCase())) {
      throw unknownProperty('Select and Expand', name, type)
    }
  }
  return names
}

export function unknownProperty(where: string, name: string, type: string): GraphRefusal {
  return badQuery(
    `Parsing OData ${where} failed: Could not find a property named '${name}' on type 'microsoft.graph.${type}'.`,
  )
}
