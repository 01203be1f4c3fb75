import type { Clock } from '../core/clock.ts'
import type { CloudName } from './clouds.ts'

/** One tenant to be made. Equal `users` and `seed` give equal objects with equal ids. */
export interface TenantSpec {
  users: number
  seed: number
  /** One for every 14 users unless said otherwise. */
  groups?: number
  /** So many in every group; unless given most are small, a few very large, and some nested. */
  groupMembers?: number
  displayName?: string
  /**
   * Makes some initials of given names, and so of sign-in names, many times as frequent as others;
   * which ones, how much, and when the imports were that people came with depends on this seed
   * alone. Unless given they are as in real lists.
   */
  names?: { seed: number }
  /** The initial domain, `name.onmicrosoft.com`. */
  domain?: string
  tenantId?: string
  clientId?: string
  secret?: string
  /** Days until the secret ends; negative when it ended already. A year unless said otherwise. */
  secretDays?: number
  /** PEM certificates the application may sign in with. */
  certificates?: readonly string[]
  /** Names of application permissions; unless given, those Patchbay needs for everything. */
  roles?: readonly string[]
  /** False: an administrator has to let the application in before it can sign in. */
  consented?: boolean
  /** Where administrators are sent back to after consent; unless given, wherever they ask for. */
  redirectUris?: readonly string[]
  /** The national cloud it is in; the global one unless given. */
  cloud?: CloudName
  /** Display names of directory roles the application holds. */
  directoryRoles?: readonly string[]
  /** How long access tokens last; 3599 as Microsoft's unless said otherwise. */
  tokenSeconds?: number
  /**
   * Holds calls to this share of Microsoft's budgets of resource units and writes: 1 is what is
   * documented. Unless given, nothing is refused for its number.
   */
  budgetShare?: number
  /** How long after it was asked for a group's licensing is done; by the next call unless given. */
  licenceDelayMs?: number
  /** Unless given, every read sees every write. */
  lag?: ReplicaLag
}

/**
 * How far reads trail behind writes. Each of the copies that answer learns of a change after a time
 * of its own, drawn from the tenant's seed.
 */
export interface ReplicaLag {
  /** The longest for plain reads. */
  readMs: number
  /** The longest for advanced queries and delta. */
  eventualMs: number
}

/**
 * t = (fixedMs + perRowMs * rows) * (1 + inFlight / inFlightDivisor), per tenant; the call that is
 * answered is one of those in flight.
 */
export interface Latency {
  fixedMs: number
  perRowMs: number
  /** 0: calls in flight slow nothing down. */
  inFlightDivisor: number
}

/** How those are told who subscribe to changes. */
export interface NotifierSettings {
  /** Takes `http://` addresses of this machine, as no real service does. */
  loopbackHttp: boolean
  /** Authorities trusted beside the public ones and the emulator's own, PEM. */
  ca: string | undefined
  /** From a change to its notification; Microsoft promises no time at all. */
  delayMs: number
  /** The wait before the second attempt; it doubles. */
  retryFirstMs: number
}

export interface EmulatorOptions {
  /** Certificates and keys are kept here, so that a client's trust survives a restart. */
  dataDir: string
  clock: Clock
  /** 127.0.0.1 unless said otherwise. */
  host?: string
  /** 0 takes any free port. */
  port?: number
  tenants: readonly TenantSpec[]
  /** Whether `/_control/` exists. */
  control: boolean
  /** Checks every answer against the catalogue; the control API tells what does not fit. */
  checkAnswers?: boolean
  /** Compresses answers for clients that accept it; on unless said otherwise. */
  gzip?: boolean
  latency?: Latency
  notifications?: Partial<NotifierSettings>
}

/** What a client needs to know of a tenant. */
export interface TenantAccess {
  tenantId: string
  domain: string
  displayName: string
  cloud: CloudName
  clientId: string
  /** Emulated, and made to be printed. */
  clientSecret: string
  users: number
  groups: number
}

export interface Emulator {
  /** `https://127.0.0.1:port`: sign-in and Graph alike. */
  url: string
  /** The authority that signed the emulator's certificate, as a file and as text. */
  caFile: string
  caPem: string
  tenants: TenantAccess[]
  close(): Promise<void>
}
