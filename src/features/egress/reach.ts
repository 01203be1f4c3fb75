import type { Reach } from '../../net/destination.ts'
import type { Endpoint } from '../../net/endpoint.ts'
import { boundsOf, defaultRules, type EgressRule, mayReach } from '../../net/policy.ts'
import type { Database } from '../../store/database.ts'
import { inScope } from '../../store/scope.ts'
import { type StoredList, selectLists } from './queries.ts'

/** What the policy of a node lets its tenants reach, within what the server's configuration does. */
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
  const stored = await listsTo(db, nodePath)
  return reachOf(
    stored.map(({ rules }) => rules),
    configured,
  )
}

/** By the lists from the top down to a node. */
export function reachOf(
  stored: readonly (readonly EgressRule[])[],
  configured: Reach,
): PolicyReach {
  const lists = stored.length === 0 ? [beginning(configured)] : stored
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

/** The lists at a node and above it, from the top down. */
export async function listsTo(db: Database, nodePath: string): Promise<StoredList[]> {
  const ids = nodePath.split('.').slice(0, -1)
  const paths = ids.map((_, index) => `${ids.slice(0, index + 1).join('.')}.`)
  return await inScope(db, `${ids[0]}.`, (tx) => selectLists(tx, paths))
}

function refusal({ host, port }: Endpoint): string {
  return `leads to ${host}, port ${port}, which is not on the list of what tenants of this node may be sent to. Private addresses and unusual ports are refused unless it names them: patchbay egress show says what does.`
}
