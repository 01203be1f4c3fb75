import type { Sealed } from './secret.ts'

/**
 * One request as data. A connector turns it into bytes at the last moment, each value encoded for
 * the place it goes to; there is no text with values pasted in, so there is nothing to inject into.
 */
export type Call = GraphCall

/** JSON in which secrets stay sealed: whatever prints a call prints `[secret]`. */
export type CallBody =
  | null
  | boolean
  | number
  | string
  | Sealed
  | CallBody[]
  | { [name: string]: CallBody }

export interface GraphCall {
  wire: 'graph'
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  /** Path segments below the version: `['users', id]`. Each is percent-encoded on its own. */
  path: readonly string[]
  query: Readonly<Record<string, string>>
  body: CallBody | undefined
  /** Resource units, as the service counts them (Graph throttling limits, identity and access). */
  cost: number
}

/**
 * For people: audit, dry runs, the list of what is left. Shows names of body properties, not
 * values.
 */
export function describeCall(call: Call): string {
  const path = call.path.map((segment) => encodeURIComponent(segment)).join('/')
  return `${call.method} /${path}`
}
