import type { JsonObject } from '../../../core/json.ts'
import { Sealed } from '../../../core/secret.ts'
import { readObject } from '../settle.ts'
import { objectName, type StepKind } from '../step.ts'

/** Gives an object that signs in a new password, which lies in the vault until the end. */
export interface PasswordInput extends JsonObject {
  model: string
  key: string
  /** To be changed at the next sign-in. */
  mustChange: boolean
}

export const passwordStep: StepKind = {
  touches: ({ model, key }: PasswordInput) => [objectName(model, key)],

  async look(context, { model, key }: PasswordInput) {
    await readObject(context, context.model(model), key)
    return {}
  },

  // No service gives a password back, so there is nothing to compare: it is set, and set again.
  async ensure(context, { model: id, key, mustChange }: PasswordInput) {
    const model = context.model(id)
    const password = await context.password()
    await context.send(model, context.wire(model).passwordCall(model, key, password, mustChange))
    const object = await readObject(context, model, key)
    return { after: {}, observed: { model, object } }
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
