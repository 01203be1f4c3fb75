import type { Clock } from '../core/clock.ts'
import type { Sealed } from '../core/secret.ts'

export interface ClientOptions {
  /** `https://patchbay.example.com`, without a path. */
  baseUrl: string
  /** Undefined for the few routes that are open to everybody. */
  token: Sealed | undefined
  /** The browser's, or one that knows the server's own certificate authority. */
  fetch: typeof fetch
  clock: Clock
}
