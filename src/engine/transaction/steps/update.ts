import { type JsonObject, jsonEqual } from '../../../core/json.ts'
import { limits } from '../../../core/limits.ts'
import type { Model } from '../../../core/model.ts'
import type { ReadObject } from '../../../core/readObject.ts'
import { mayHaveHappened, notShown, overtaken, readObject, settled } from '../settle.ts'
import { objectName, type StepContext, type StepKind, type StepResult } from '../step.ts'
import { differences, pick, refuseForeignChange } from '../values.ts'

/** Changes properties of one object. `expect`: only where they still have these values. */
export interface UpdateInput extends JsonObject {
  model: string
  key: string
  set: JsonObject
  expect: JsonObject | null
}

export const updateStep: StepKind = {
  touches: ({ model, key }: UpdateInput) => [objectName(model, key)],

  async look(context, { model, key, set, expect }: UpdateInput) {
    const object = await readObject(context, context.model(model), key)
    if (expect !== null) refuseForeignChange(object.data, set, expect)
    return pick(object.data, Object.keys(set))
  },

  async ensure(context, input: UpdateInput, before) {
    const { model: id, key, set } = input
    const model = context.model(id)
    // Looked at a moment ago, unless an earlier attempt did, and may have gone further.
    const current = context.resumed ? (await readObject(context, model, key)).data : before
    const open = differences(current, set)
    if (open.length === 0 && !context.mustSend) {
      return result(model, await readObject(context, model, key), set)
    }
    const missing = Object.fromEntries(open.map((change) => [change.property, change.after]))
    const values = context.mustSend ? set : missing
    try {
      await context.send(model, context.wire(model).updateCall(model, key, values))
    } catch (error) {
      // The connection broke or Microsoft did not say: reading back tells whether it was done.
      if (!mayHaveHappened(error)) throw error
      return (await readBack(context, model, input, before, limits.settleMs)) ?? rethrow(error)
    }
    const done = await readBack(context, model, input, before, limits.appearMs)
    return done ?? rethrow(notShown(`the change of ${Object.keys(set).join(', ')}`))
  },

  reverse({ model, key, set }: UpdateInput, before, after) {
    if (differences(before, after ?? set).length === 0) return 'nothing'
    return { kind: 'update', input: { model, key, set: before, expect: after ?? set } }
  },

  call(context, { model: id, key, set }: UpdateInput) {
    const model = context.model(id)
    return context.wire(model).updateCall(model, key, set)
  },

  // Before a step has looked at its object, everything it is to set counts as different.
  differences({ set }: UpdateInput, before, after) {
    if (before !== null) return differences(before, after ?? set)
    return Object.entries(set).map(([property, value]) => ({
      property,
      before: null,
      after: value,
    }))
  },
}

/**
 * Reads until the answer shows the change: a nearby replica may still have the old values. On the
 * way back these are two: what the step had left (`expect`), and what it had found, which a late
 * replica may have given as `before`. Other values may be older still, but hardly for `settleMs` on
 * end: then somebody else has changed them since, and what was written will show no more.
 */
async function readBack(
  context: StepContext,
  model: Model,
  { key, set, expect }: UpdateInput,
  before: JsonObject,
  ms: number,
): Promise<StepResult | undefined> {
  let foreignFrom: number | undefined
  return settled(context, ms, async (waitedMs) => {
    const object = await readObject(context, model, key)
    const open = differences(object.data, set)
    if (open.length === 0) return result(model, object, set)
    const foreign = open.filter(({ property, before: shown }) =>
      [before, expect ?? before].every((old) => !jsonEqual(shown, old[property] ?? null)),
    )
    foreignFrom = foreign.length === 0 ? undefined : (foreignFrom ?? waitedMs)
    if (foreignFrom !== undefined && waitedMs - foreignFrom >= limits.settleMs) {
      throw overtaken(foreign.map(({ property }) => property))
    }
    return undefined
  })
}

function rethrow(error: unknown): never {
  throw error
}

function result(model: Model, object: ReadObject, wanted: JsonObject): StepResult {
  return { after: pick(object.data, Object.keys(wanted)), observed: { model, object } }
}
