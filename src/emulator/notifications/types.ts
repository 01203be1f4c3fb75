import type { JsonObject } from '../../core/json.ts'
import type { NotifierSettings } from '../options.ts'

/** What a subscription watches. */
export interface Watched {
  type: 'user' | 'group'
  /** One object only. */
  id: string | undefined
  /** Who joins and leaves, and nothing else. */
  membersOnly: boolean
}

export interface Subscription {
  readonly id: string
  readonly tenantId: string
  readonly appId: string
  /** The principal that made it. */
  readonly creatorId: string
  /** As the client wrote it. */
  readonly resource: string
  readonly watched: Watched
  /** `updated,deleted`, as the client wrote it. */
  readonly changeType: string
  readonly clientState: string | null
  readonly lifecycleNotificationUrl: string | null
  readonly latestSupportedTlsVersion: string
  notificationUrl: string
  expiresAt: number
  /** After it was asked to be authorized again: nothing is sent from here on until it was. */
  authorizedUntil: number | undefined
}

export type LifecycleEvent = 'reauthorizationRequired' | 'subscriptionRemoved' | 'missed'

/** One notification within a delivery. */
export interface Notice {
  subscriptionId: string
  body: JsonObject
}

/** What goes to one address in one request. */
export interface Delivery {
  url: string
  tenantId: string
  lifecycle: boolean
  notices: Notice[]
  dueAt: number
  /** When it was first tried; undefined: not yet. */
  triedAt: number | undefined
  attempts: number
}

/** How an address answered at a time. */
export interface Sample {
  at: number
  slow: boolean
}

/** A trouble that was asked for, by its name: a notification lost, late or told twice. */
interface NotificationFault {
  name: string
  value?: unknown
}

export interface Notifier {
  readonly settings: NotifierSettings
  /** By tenant, then by id. */
  readonly subscriptions: Map<string, Map<string, Subscription>>
  queue: Delivery[]
  /** By address: the answers of the last ten minutes. */
  readonly samples: Map<string, Sample[]>
  inFlight: number
  /** Ends the wait for the next delivery that is due. */
  waiting: AbortController | undefined
  /** Aborted when the emulator closes. */
  readonly closed: AbortController
  readonly trusted: readonly string[]
  /** The fault that befalls a notification about the object at `path` of a tenant, if any. */
  faultOf(tenantId: string, path: string): NotificationFault | undefined
}
