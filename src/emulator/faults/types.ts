import type { Random } from '../../core/clock.ts'
import type { Reply, Request } from '../exchange.ts'
import type { GraphState } from '../graph/state.ts'
import type { GraphRefusal } from '../graphErrors.ts'
import type { Service } from '../hosts.ts'

/** A trouble asked for by name, and which calls it befalls. */
export interface FaultSpec {
  name: string
  /** Only calls of this tenant. */
  tenantId?: string
  /** A regular expression over path and query as sent: `^/v1.0/users\\?`. */
  path?: string
  method?: string
  /** So many matching calls pass first. */
  skip?: number
  /** So many times; without it until cleared. */
  count?: number
  /** Of the matching calls this share, chosen by `seed`. */
  probability?: number
  seed?: number
  /** What the fault needs: a link, an address, an object, milliseconds, bytes. */
  value?: unknown
  status?: number
  /** The text of the Retry-After header; null leaves the header out. */
  retryAfter?: string | null
}

export interface Fault {
  readonly id: string
  readonly spec: FaultSpec
  readonly kind: FaultKind
  readonly path: RegExp | undefined
  readonly random: Random
  /** How many matching calls there were, and how many it befell. */
  seen: number
  fired: number
}

export interface FaultCall {
  state: GraphState
  service: Service
  request: Request
  tenantId: string | undefined
  /** An item of a batch: it has no connection of its own. */
  batched: boolean
}

/** How an answer leaves, when not simply whole. Of some the call is not made: see isBeforeCall. */
export type WireFault =
  | 'reset-before-headers'
  | 'hang'
  | 'huge-body'
  | 'gzip-bomb'
  | 'reset-after-headers'
  | 'cut-body'
  | 'drip'
  | 'unknown-outcome'

/** What a named fault does; each part is optional. */
export interface FaultKind {
  /** Some calls only: those with a page token, for example. */
  befalls?(call: FaultCall): boolean
  /** Answered in place of the call, which is not made. */
  instead?(spec: FaultSpec, call: FaultCall): Reply | GraphRefusal
  /** The request that is answered in place of the one that came. */
  rewrite?(request: Request, spec: FaultSpec, call: FaultCall): Request
  /** What the answer is turned into. */
  alter?(reply: Reply, spec: FaultSpec, call: FaultCall): Reply
  wire?: WireFault
  /** Befalls notifications on their way out, and no calls; its path is that of the object. */
  notification?: true
}
