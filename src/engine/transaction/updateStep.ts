import { describeCall } from '../../core/call.ts'
import { AppError } from '../../core/errors.ts'
import { type Change, changesBetween, type JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import type { ReadObject } from '../../core/wire.ts'
import type { StepContext, StepKind, StepResult } from './step.ts'

/** Changes properties of one object. `expect`: only where they still have these values. */
export interface UpdateInput extends JsonObject {
  model: string
  key: string
  set: JsonObject
  expect: JsonObject | null
}

export const updateStep: StepKind = {
  async look(context, input) {
    const { model, key, set, expect } = asUpdate(input)
    const object = await read(context, context.model(model), key)
    const before = pick(object.data, Object.keys(set))
    if (expect !== null) refuseForeignChange(object.data, set, expect)
    return before
  },

  async ensure(context, input) {
    const { model, key, set } = asUpdate(input)
    return ensureValues(context, context.model(model), key, set)
  },

  async undo(context, input, before, after) {
    const { model: id, key, set } = asUpdate(input)
    const model = context.model(id)
    const object = await read(context, model, key)
    refuseForeignChange(object.data, before, after ?? set)
    return ensureValues(context, model, key, before)
  },

  wayBack(context, input, before) {
    const { model: id, key } = asUpdate(input)
    const model = context.model(id)
    const call = context.wire(model).updateCall(model, key, before)
    return `${describeCall(call)} ${JSON.stringify(call.body)}`
  },
}

function asUpdate(input: JsonObject): UpdateInput {
  // Written by `updateStepInput` alone, into our own table.
  return input as UpdateInput
}

/** The difference between what is there and what is wanted, property by property. */
export function differences(current: JsonObject, wanted: JsonObject): Change[] {
  return changesBetween(pick(current, Object.keys(wanted)), wanted)
}

async function ensureValues(
  context: StepContext,
  model: Model,
  key: string,
  wanted: JsonObject,
): Promise<StepResult> {
  const wire = context.wire(model)
  const first = await read(context, model, key)
  const open = differences(first.data, wanted)
  if (open.length === 0) return result(model, first, wanted)
  const missing = Object.fromEntries(open.map((change) => [change.property, change.after]))
  try {
    const call = wire.updateCall(model, key, missing)
    await wire.send(call, context.signal, context.confirmHeld)
  } catch (error) {
    // The connection broke or Microsoft did not say: reading back tells whether it was done.
    if (!(error instanceof AppError) || !error.retryable) throw error
    const after = await read(context, model, key)
    if (differences(after.data, wanted).length > 0) throw error
    return result(model, after, wanted)
  }
  return readBack(context, model, key, wanted)
}

/** Reads until the answer shows the change: a nearby replica may still have the old values. */
async function readBack(
  context: StepContext,
  model: Model,
  key: string,
  wanted: JsonObject,
): Promise<StepResult> {
  let waitMs = limits.readBackFirstMs
  for (let attempt = 1; ; attempt++) {
    const object = await read(context, model, key)
    const open = differences(object.data, wanted)
    if (open.length === 0) return result(model, object, wanted)
    if (attempt >= limits.readBackAttemptsMax) {
      const names = open.map((change) => change.property).join(', ')
      throw new AppError(
        'microsoft-broken-answer',
        `Microsoft accepted the change of ${names}, but reading it back still shows other values.`,
      )
    }
    await context.clock.sleep(waitMs, context.signal)
    waitMs *= 2
  }
}

async function read(context: StepContext, model: Model, key: string): Promise<ReadObject> {
  const object = await context.wire(model).get(model, key, context.signal)
  if (object === undefined) {
    throw new AppError(
      'microsoft-not-found',
      `${model.title} ${key} is not at Microsoft (any more). Sync the tenant to see what is there.`,
    )
  }
  return object
}

/** Each property must have the value we left there, or already the one to be set. */
function refuseForeignChange(current: JsonObject, wanted: JsonObject, ours: JsonObject): void {
  const foreign = Object.keys(wanted).filter(
    (name) =>
      differences(current, pick(wanted, [name])).length > 0 &&
      differences(current, pick(ours, [name])).length > 0,
  )
  if (foreign.length > 0) {
    throw new AppError(
      'microsoft-conflict',
      `${foreign.join(', ')} was changed by somebody else since; their value was left as it is.`,
    )
  }
}

function result(model: Model, object: ReadObject, wanted: JsonObject): StepResult {
  return {
    after: pick(object.data, Object.keys(wanted)),
    observed: { model, object },
  }
}

function pick(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, object[name] ?? null]))
}
