import type { JsonObject } from '../../../core/json.ts'
import { limits } from '../../../core/limits.ts'
import type { Model } from '../../../core/model.ts'
import type { ReadObject } from '../../../core/readObject.ts'
import { Sealed } from '../../../core/secret.ts'
import { mayHaveHappened, notShown, readObject, settled } from '../settle.ts'
import { objectName, type StepContext, type StepKind } from '../step.ts'
import { differences, pick } from '../values.ts'

/** Gives an object that signs in a new password, which lies in the vault until the end. */
export interface PasswordInput extends JsonObject {
  model: string
  key: string
  /** To be changed at the next sign-in. */
  mustChange: boolean
}

export const passwordStep: StepKind = {
  touches: ({ model, key }: PasswordInput) => [objectName(model, key)],

  async look(context, { model: id, key }: PasswordInput) {
    const model = context.model(id)
    return timeOf(model, await readObject(context, model, key))
  },

  // No service gives a password back, so there is nothing to compare before: it is set, and set
  // again. That it was set shows by its time.
  async ensure(context, input: PasswordInput, before) {
    const model = context.model(input.model)
    const object =
      (await setOnce(context, model, input, before)) ??
      // The time has whole seconds: one set in the second of the former shows nothing.
      (await setOnce(context, model, input, before))
    if (object === undefined) throw notShown('the new password')
    return { after: timeOf(model, object), observed: { model, object } }
  },

  reverse: () => ({
    never:
      'The former password is known to nobody, so it cannot be put back. Reset it once more if it should not stay.',
  }),

  call(context, { model: id, key, mustChange }: PasswordInput) {
    const model = context.model(id)
    return context.wire(model).passwordCall(model, key, new Sealed(''), mustChange)
  },

  differences: () => [{ property: 'password', before: '[secret]', after: '[secret]' }],
}

/** When the password was set, where the model has a property that says so. */
function timeOf({ create }: Model, { data }: ReadObject): JsonObject {
  return create?.passwordSetAt === undefined ? {} : pick(data, [create.passwordSetAt])
}

/** Undefined when reading does not show that it was set. */
async function setOnce(
  context: StepContext,
  model: Model,
  { key, mustChange }: PasswordInput,
  before: JsonObject,
): Promise<ReadObject | undefined> {
  const password = await context.password()
  let unheard: unknown
  try {
    await context.send(model, context.wire(model).passwordCall(model, key, password, mustChange))
  } catch (error) {
    if (!mayHaveHappened(error)) throw error
    unheard = error
  }
  const ms = unheard === undefined ? limits.appearMs : limits.settleMs
  const object = await settled(context, ms, async () => {
    const read = await readObject(context, model, key)
    const time = timeOf(model, read)
    const isTold = unheard === undefined && Object.keys(time).length === 0
    return isTold || differences(before, time).length > 0 ? read : undefined
  })
  if (object === undefined && unheard !== undefined) throw unheard
  return object
}
