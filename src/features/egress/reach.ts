import type { Reach } from '../../net/destination.ts'
import type { Endpoint } from '../../net/endpoint.ts'
import { boundsOf, defaultRules, type EgressRule, mayReach } from '../../net/policy.ts'
import type { Database } from '../../store/database.ts'
import { inScope } from '../../store/scope.ts'
import { type StoredList, selectLists } from './queries.ts'

/** What the policy of a node lets its tenants reach, within what the configuration does. */
export interface PolicyReach {
  /** Throws nothing: what is refused is refused when it is connected to. */
  reach(endpoint: Endpoint): Reach
  /** Why somebody who types this address is told no; undefined when they are not. */
  problem(endpoint: Endpoint): string | undefined
}

/**
 * Read beyond the actor's scope, from the top of the tree: what a node may reach is decided above
 * it. `configured` is what the server's configuration says of addresses that are typed.
 */
export async function reachAt(
  db: Database,
  nodePath: string,
  configured: Reach,
): Promise<PolicyReach> {
  const lists = await listsTo(db, nodePath, configured)
  return reachOf(
    lists.map(({ rules }) => rules),
    configured,
  )
}

/** By the lists from the top down to a node. */
export function reachOf(lists: readonly (readonly EgressRule[])[], configured: Reach): PolicyReach {
  const allowed = configured.allowedAddresses ?? []
  const boundsFor = (endpoint: Endpoint) => lists.map((list) => boundsOf(list, endpoint))
  return {
    reach: (endpoint) => ({ ...configured, within: boundsFor(endpoint) }),
    problem: (endpoint) =>
      mayReach(endpoint, allowed, boundsFor(endpoint)) ? undefined : refusal(endpoint),
  }
}

export function beginning({ allowedAddresses = [] }: Reach): EgressRule[] {
  return defaultRules(allowedAddresses)
}

/**
 * The lists at a node and above it, from the top down. Where nobody made one at the top stands what
 * Patchbay begins with, so that no list further down opens more.
 */
export async function listsTo(
  db: Database,
  nodePath: string,
  configured: Reach,
): Promise<StoredList[]> {
  const ids = nodePath.split('.').slice(0, -1)
  const paths = ids.map((_, index) => `${ids.slice(0, index + 1).join('.')}.`)
  const top = `${ids[0]}.`
  const stored = await inScope(db, top, (tx) => selectLists(tx, paths))
  if (stored[0]?.path === top) return stored
  return [{ nodeId: undefined, path: top, rules: beginning(configured) }, ...stored]
}

function refusal({ host, port }: Endpoint): string {
  return `leads to ${host}, port ${port}, which is not on the list of what tenants of this node may be sent to. Private addresses and unusual ports are refused unless it names them: patchbay egress show says what does.`
}
