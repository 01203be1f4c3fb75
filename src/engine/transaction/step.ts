import type { Call } from '../../core/call.ts'
import type { Clock } from '../../core/clock.ts'
import type { Change, Json, JsonObject } from '../../core/json.ts'
import type { Model } from '../../core/model.ts'
import type { ReadObject } from '../../core/readObject.ts'
import type { Sealed } from '../../core/secret.ts'
import type { Wire } from '../../core/wire.ts'
import type { Edge } from '../../core/writing.ts'

/** What reading works with: one tenant's wires. */
export interface ReadContext {
  clock: Clock
  signal: AbortSignal
  model(id: string): Model
  wire(model: Model): Wire
}

/** What a step works with: what reading does, and what is known of the step so far. */
export interface StepContext extends ReadContext {
  /**
   * The one way by which a step changes anything. Asks before every attempt whether the work is
   * still its own (`fenced` when not): a worker that was frozen between its read and its write, or
   * while it waited to try again, would else write what is no longer wanted, the moment it wakes.
   * In a dry run nothing is sent, and the step ends here.
   *
   * For `patienceMs`, the context's own unless a step repeats its calls itself, a call that names
   * what Microsoft does not know is sent again.
   */
  send(model: Model, call: Call, patienceMs?: number): Promise<Json | undefined>
  /** Puts on record what is known before the step is done: the key of what was just made. */
  keep(known: JsonObject): Promise<void>
  /** What an earlier attempt kept. */
  known: JsonObject | null
  /** An earlier attempt may have sent the call; nobody heard what became of it. */
  resumed: boolean
  /**
   * How long the replica that answers may know nothing of it yet, in milliseconds: above 0 when a
   * step before this one has just made or changed what it is about.
   */
  patienceMs: number
  /**
   * On the way back. What was changed a moment ago may read as if it had never been, so the call
   * leaves even where nothing seems to differ.
   */
  mustSend: boolean
  /** The password that came with the step. Throws `not-found` once it was destroyed. */
  password(): Promise<Sealed>
}

/**
 * A kind of step: everything about it in one file, so that what it does and how it is taken back
 * are read together. `input` was written by the feature that asked for the step.
 */
export interface StepKind {
  /** The permissions it takes, where they are others than those its model declares. */
  needs?: Model['needs']
  /** What it reads or changes: steps that share one of these are done in their order. */
  touches(input: JsonObject): string[]
  /**
   * Why the steps of this kind cannot all be done, though each of them could be alone; undefined
   * when they can. Asked before the first of them begins.
   */
  together?(context: ReadContext, inputs: readonly JsonObject[]): Promise<string | undefined>
  /** Reads what the step will change, for the way back. Throws when the step cannot be done. */
  look(context: StepContext, input: JsonObject): Promise<JsonObject>
  /** Reads first, changes only what differs, reads back until it shows. Safe to repeat. */
  ensure(context: StepContext, input: JsonObject, before: JsonObject): Promise<StepResult>
  /** `after` is null as long as nobody knows what became of the call. */
  reverse(input: JsonObject, before: JsonObject, after: JsonObject | null): Reverse
  /** For people: the call that would do it, to make by hand. */
  call(context: StepContext, input: JsonObject, before: JsonObject): Call
  /** For people: `before` is null until the step has looked. */
  differences(input: JsonObject, before: JsonObject | null, after: JsonObject | null): Change[]
}

/**
 * The step that takes one back. It changes only what is still as the step left it: what somebody
 * else has changed since is theirs (`microsoft-conflict`).
 */
export type Reverse =
  | { kind: string; input: JsonObject }
  /** It changed nothing. */
  | 'nothing'
  /** There is no way back, in these words. */
  | { never: string }

export interface StepResult {
  after: JsonObject
  /** Absent when there was nothing to see. */
  observed: Observed | undefined
}

/** What a step has seen, for our own copy of it. */
export type Observed =
  | { model: Model; object: ReadObject }
  | { model: Model; gone: string }
  | { model: Model; edge: Edge }

/** Every kind of step by its name, handed to the engine as a value. */
export type StepKinds = Readonly<Record<string, StepKind>>

/** Names an object among all that a transaction touches. */
export function objectName(model: string, key: Json | undefined): string {
  return `${model} ${typeof key === 'string' ? key : JSON.stringify(key ?? null)}`
}
