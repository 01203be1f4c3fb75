import { AppError } from '../../../core/errors.ts'
import type { JsonObject } from '../../../core/json.ts'
import { limits } from '../../../core/limits.ts'
import { mayHaveHappened, settled } from '../settle.ts'
import { objectName, type StepKind } from '../step.ts'

/** Brings one deleted object back under its key, with what it was linked to. */
export interface RestoreInput extends JsonObject {
  model: string
  key: string
}

export const restoreStep: StepKind = {
  touches: ({ model, key }: RestoreInput) => [objectName(model, key)],

  async look(context, { model: id, key }: RestoreInput) {
    const model = context.model(id)
    const wire = context.wire(model)
    if (await wire.isDeleted(model, key, context.signal)) return { deleted: true }
    if ((await wire.get(model, key, context.signal)) !== undefined) return { deleted: false }
    throw new AppError(
      'microsoft-not-found',
      `${model.title} ${key} is not among the deleted ones (any more): they are kept for 30 days.`,
    )
  },

  async ensure(context, { model: id, key }: RestoreInput) {
    const model = context.model(id)
    const wire = context.wire(model)
    if (await wire.isDeleted(model, key, context.signal)) {
      try {
        await context.send(model, wire.restoreCall(model, key))
      } catch (error) {
        if (!mayHaveHappened(error) || (await wire.isDeleted(model, key, context.signal))) {
          throw error
        }
      }
    }
    const object = await settled(context, limits.appearMs, () =>
      wire.get(model, key, context.signal),
    )
    if (object !== undefined) return { after: { deleted: false }, observed: { model, object } }
    throw new AppError(
      'microsoft-broken-answer',
      `Microsoft accepted to bring back ${model.title} ${key}, but it cannot be read.`,
    )
  },

  reverse({ model, key }: RestoreInput, before) {
    if (before.deleted === false) return 'nothing'
    return { kind: 'delete', input: { model, key, find: null, expect: null } }
  },

  call(context, { model: id, key }: RestoreInput) {
    const model = context.model(id)
    return context.wire(model).restoreCall(model, key)
  },

  differences: (_input, before) =>
    before?.deleted === false ? [] : [{ property: 'deleted', before: true, after: false }],
}
