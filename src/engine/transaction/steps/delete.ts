import { AppError } from '../../../core/errors.ts'
import type { JsonObject } from '../../../core/json.ts'
import { limits } from '../../../core/limits.ts'
import type { Model } from '../../../core/model.ts'
import { mayHaveHappened, notThere, settled } from '../settle.ts'
import { objectName, type StepContext, type StepKind, type StepResult } from '../step.ts'
import { refuseForeignChange } from '../values.ts'
import { findIt } from './create.ts'

/**
 * Deletes one object, which its model can bring back for a while. As the way back of a step that
 * made it: `key` is null when no answer told it, then `find` has the values it was made with;
 * `expect` is what it has to be still.
 */
export interface DeleteInput extends JsonObject {
  model: string
  key: string | null
  find: JsonObject | null
  expect: JsonObject | null
}

export const deleteStep: StepKind = {
  touches: ({ model, key }: DeleteInput) => [objectName(model, key)],

  async look(context, input: DeleteInput) {
    const model = context.model(input.model)
    const key = await keyOf(context, model, input)
    if (key === undefined) return { key: null, data: null }
    const object = await context.wire(model).get(model, key, context.signal)
    if (object === undefined) {
      // One that was made a moment ago may not be known everywhere; one that was deleted is.
      if (input.find === null && !(await isDeleted(context, model, key))) throw notThere(model, key)
      return { key, data: null }
    }
    if (input.expect !== null) refuseForeignChange(object.data, {}, input.expect)
    return { key, data: object.data }
  },

  async ensure(context, input: DeleteInput, { key }) {
    const model = context.model(input.model)
    if (typeof key !== 'string') return { after: { key: null }, observed: undefined }
    const sure = await settled(context, limits.appearMs, async () => {
      if (await isDeleted(context, model, key)) return true
      return (await deleteOnce(context, model, key)) ? true : undefined
    })
    if (sure === undefined) throw notThere(model, key)
    return readBack(context, model, key)
  },

  reverse({ model }: DeleteInput, { key = null, data = null }, _after) {
    if (data === null) return 'nothing'
    return { kind: 'restore', input: { model, key } }
  },

  call(context, input: DeleteInput, before) {
    const model = context.model(input.model)
    return context.wire(model).deleteCall(model, String(input.key ?? before.key ?? '(its key)'))
  },

  differences: (_input, before) => {
    if (before !== null && before.data === null) return []
    return [{ property: 'deleted', before: false, after: true }]
  },
}

async function keyOf(
  context: StepContext,
  model: Model,
  { key, find }: DeleteInput,
): Promise<string | undefined> {
  if (key !== null) return key
  if (find === null) return undefined
  // No answer told whether it was made: a replica that does not know it yet must not decide.
  const found = await settled(context, limits.settleMs, () => findIt(context, model, find))
  const read = found?.data[model.key]
  return typeof read === 'string' ? read : undefined
}

function isDeleted(context: StepContext, model: Model, key: string): Promise<boolean> {
  return context.wire(model).isDeleted(model, key, context.signal)
}

/** False when the service knows no such object: it is gone, or not known everywhere yet. */
async function deleteOnce(context: StepContext, model: Model, key: string): Promise<boolean> {
  try {
    await context.send(model, context.wire(model).deleteCall(model, key), 0)
    return true
  } catch (error) {
    if (error instanceof AppError && error.code === 'microsoft-not-found') return false
    if (!mayHaveHappened(error) || !(await isDeleted(context, model, key))) throw error
    return true
  }
}

async function readBack(context: StepContext, model: Model, key: string): Promise<StepResult> {
  const gone = await settled(context, limits.appearMs, async () => {
    const object = await context.wire(model).get(model, key, context.signal)
    return object === undefined ? true : undefined
  })
  if (gone === undefined) {
    throw new AppError(
      'microsoft-broken-answer',
      `Microsoft accepted the deletion of ${model.title} ${key}, but it can still be read.`,
    )
  }
  return { after: { key }, observed: { model, gone: key } }
}
