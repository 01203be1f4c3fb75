import type { Actor } from '../../core/actor.ts'
import type { Clock } from '../../core/clock.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Model } from '../../core/model.ts'
import type { ReadObject, Wire } from '../../core/wire.ts'

/** What a step works with: one tenant's wires, and whom it acts for. */
export interface StepContext {
  actor: Actor
  clock: Clock
  signal: AbortSignal
  model(id: string): Model
  wire(model: Model): Wire
  /**
   * Throws `fenced` when another worker has taken the transaction over. Handed along with every
   * call that changes something and asked right before each attempt at it: a worker that was
   * frozen between its read and its write, or while it waited to try again, would else write what
   * is no longer wanted, the moment it wakes.
   */
  confirmHeld(): Promise<void>
}

/**
 * A kind of step. Its parts are values and functions beside each other, so that what a step does
 * and how it is taken back are read together.
 */
export interface StepKind {
  /** Reads what the step will change, for the way back. Throws when the step cannot be done. */
  look(context: StepContext, input: JsonObject): Promise<JsonObject>
  /** Reads first, changes only what differs, reads back until it shows. Safe to repeat. */
  ensure(context: StepContext, input: JsonObject, before: JsonObject): Promise<StepResult>
  /**
   * Puts back what was before, unless somebody else has changed it since (`conflict`, with words
   * for what is left). Safe to repeat.
   */
  undo(
    context: StepContext,
    input: JsonObject,
    before: JsonObject,
    after: JsonObject | null,
  ): Promise<StepResult>
  /** For people: the call that would put back what was before, to make by hand. */
  wayBack(context: StepContext, input: JsonObject, before: JsonObject): string
}

export interface StepResult {
  after: JsonObject
  /** The object as it is now, for our own copy of it. */
  observed: { model: Model; object: ReadObject }
}
