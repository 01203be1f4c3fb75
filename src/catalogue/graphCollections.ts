import { graphPages } from './graphLimits.ts'

/** How a collection is read in pages. */
export interface CollectionRules {
  /** False: it takes no query options at all, not even `$select`. */
  options: boolean
  /** The most that `$top` takes; undefined: it takes no `$top`, and pages, if any, by itself. */
  topMax: number | undefined
  /** Its pages have no link to the next one: that is asked for by `$skip`. */
  skips: boolean
}

const usual: CollectionRules = { options: true, topMax: graphPages.directoryMax, skips: false }
const bare: CollectionRules = { options: false, topMax: undefined, skips: false }
const unpaged: CollectionRules = { ...usual, topMax: undefined }
/** What comes by default; a larger `$top` is documented nowhere, so none is asked for. */
const placesTop = 100

/**
 * By path below the version, `{id}` for keys. Sources: Microsoft Learn, graph/api:
 * subscribedsku-list and directoryrole-list take no options; domain-list, organization-list and
 * rbacapplication-list-roleassignments name no `$top`; place-list pages by `$top` and `$skip`, and
 * answers were seen without a next link; graph/paging says of directory roles that neither they nor
 * their members come in pages. teams-list names `$top` but no maximum; another product is known to
 * read teams in pages of 999, and a tenant's page size for groups lowers it.
 */
const exceptions: Readonly<Record<string, CollectionRules>> = {
  subscribedSkus: bare,
  directoryRoles: bare,
  'directoryRoles/{id}/members': unpaged,
  domains: unpaged,
  organization: unpaged,
  'roleManagement/directory/roleAssignments': unpaged,
  'places/microsoft.graph.room': { options: true, topMax: placesTop, skips: true },
  'places/microsoft.graph.roomlist': { options: true, topMax: placesTop, skips: true },
  'places/{id}/microsoft.graph.roomlist/rooms': { options: true, topMax: placesTop, skips: true },
}

/** The rules of `users`, `directoryRoles/{id}/members` and the like; most have the usual ones. */
export function collectionRules(path: string): CollectionRules {
  return exceptions[path] ?? usual
}
