import type { Call } from './call.ts'
import type { Json, JsonObject } from './json.ts'
import type { Model } from './model.ts'
import type { ReadObject } from './readObject.ts'
import type { Sealed } from './secret.ts'

/** One attempt of a call that changes something, about to be sent. */
export interface WriteAttempt {
  /** Such as `PATCH users/{}`: no keys, no values. */
  operation: string
  /** What Microsoft is sent as `client-request-id`: no two attempts share one. */
  requestId: string
}

export type ConfirmWrite = (attempt: WriteAttempt) => Promise<void>

/** One end, the other end, and whether they are to be linked. */
export interface Edge {
  kind: string
  from: string
  to: string
  present: boolean
}

/**
 * What a connector does for a change: it says what is there, and how a change would look as data.
 * Nothing is sent but by `send`.
 */
export interface Writing {
  /** The one object with this value of a property the service keeps unique. */
  find(
    model: Model,
    property: string,
    value: string,
    signal: AbortSignal,
  ): Promise<ReadObject | undefined>
  /** Whether it lies among the deleted ones, from where it can be brought back. */
  isDeleted(model: Model, key: string, signal: AbortSignal): Promise<boolean>
  /** Whether two objects are linked, for links that are lists of their own. */
  isLinked(
    model: Model,
    edge: Pick<Edge, 'kind' | 'from' | 'to'>,
    signal: AbortSignal,
  ): Promise<boolean>
  updateCall(model: Model, key: string, changes: JsonObject): Call
  createCall(model: Model, values: JsonObject, password: Sealed | undefined): Call
  deleteCall(model: Model, key: string): Call
  restoreCall(model: Model, key: string): Call
  passwordCall(model: Model, key: string, password: Sealed, mustChange: boolean): Call
  linkCall(model: Model, edge: Edge): Call
  /**
   * Sends a call and answers what came back, if anything did. Safe to repeat only when the call is.
   * `confirm` is asked right before each attempt of a call that changes something, however long the
   * attempt had to wait; what it throws is what this throws, and nothing is sent.
   */
  send(call: Call, signal: AbortSignal, confirm?: ConfirmWrite): Promise<Json | undefined>
}
