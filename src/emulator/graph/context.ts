import type { Tenant } from '../directory/types.ts'
import type { BatchPart, Reply, Request } from '../exchange.ts'
import type { Claims } from '../login/keys.ts'
import type { GraphState } from './state.ts'

/** One call of Graph, past sign-in and routing. */
export interface GraphCallContext {
  state: GraphState
  /** What the call reads: for one that changes something, the tenant itself. */
  tenant: Tenant
  /** The tenant as the replica that answers knows it: whether what a write names exists. */
  seen: Tenant
  claims: Claims
  request: Request
  /** The values of the path's parameters, decoded, in order. */
  params: readonly string[]
  /** The path below the version, as asked: `users/delta`. */
  resource: string
  options: URLSearchParams
  /** As the answer names it. */
  requestId: string
  /** Answers another request as part of this one: an item of a batch. */
  again(request: Request, part: BatchPart): Promise<Reply>
}

export interface GraphRoute {
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  /** `/users/{id}`; alternate keys are written `/applications(appId)/{id}`. */
  path: string
  /**
   * Where the catalogue has no entry for this method and path: one that needs the same, names of
   * permissions, or null when none is needed.
   */
  needs?: string | readonly string[] | null
  answer(context: GraphCallContext): Reply | Promise<Reply>
}

/** Header and parameter together make a query an advanced one. */
export function isAdvanced(context: GraphCallContext): boolean {
  return wantsEventual(context) && context.options.get('$count') === 'true'
}

/** The header alone, which searches and bare counts are content with. */
export function wantsEventual(context: GraphCallContext): boolean {
  return context.request.headers.consistencylevel === 'eventual'
}
