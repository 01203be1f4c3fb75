import { AppError } from '../../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../../core/json.ts'
import { limits } from '../../../core/limits.ts'
import type { CreateOperation, Model } from '../../../core/model.ts'
import type { ReadObject } from '../../../core/readObject.ts'
import { mayHaveHappened, settled } from '../settle.ts'
import type { StepContext, StepKind, StepResult } from '../step.ts'
import { differences, pick } from '../values.ts'

/**
 * Makes one object. Its key is not known before, so the property its model names (`create.by`, one
 * the service keeps unique) tells whether it is there; the key is kept the moment it is known.
 */
export interface CreateInput extends JsonObject {
  model: string
  set: JsonObject
  /** A password came with the step. */
  password: boolean
}

export const createStep: StepKind = {
  touches: ({ model, set }: CreateInput) => [`${model} ${JSON.stringify(set)}`],

  async look(context, { model: id, set }: CreateInput) {
    const model = context.model(id)
    const there = await findIt(context, model, set)
    if (there !== undefined) throw existsAlready(model, set)
    return {}
  },

  async ensure(context, input: CreateInput) {
    const model = context.model(input.model)
    const key = keyOf(model, context.known)
    if (key !== undefined) return readBack(context, model, key, input.set)
    return create(context, model, input)
  },

  reverse({ model, set }: CreateInput, _before, after) {
    const created = after?.key ?? null
    return {
      kind: 'delete',
      input: { model, key: created, find: set, expect: after?.values ?? set },
    }
  },

  call(context, { model: id, set }: CreateInput) {
    const model = context.model(id)
    return context.wire(model).createCall(model, set, undefined)
  },

  differences: ({ set, password }: CreateInput) => [
    ...Object.entries(set).map(([property, after]) => ({ property, before: null, after })),
    ...(password ? [{ property: 'password', before: null, after: '[secret]' }] : []),
  ],
}

/**
 * Sends the call until it is known what became of it. That cannot make two: the service refuses a
 * second object with the same value of the unique property, and a refusal after a call whose
 * answer was lost says that the first one was carried out.
 */
async function create(context: StepContext, model: Model, input: CreateInput): Promise<StepResult> {
  const { set } = input
  let lost = context.resumed
  for (let attempt = 1; ; attempt++) {
    const found = await settled(context, lost ? limits.settleMs : 0, () =>
      findIt(context, model, set),
    )
    if (found !== undefined) return adopt(context, model, found, set)
    const password = input.password ? await context.password() : undefined
    try {
      const call = context.wire(model).createCall(model, set, password)
      const key = keyOf(model, await context.send(model, call))
      if (key === undefined) throw unreadable(model)
      await context.keep({ key })
      return await readBack(context, model, key, set)
    } catch (error) {
      if (lost && error instanceof AppError && error.code === 'microsoft-conflict') {
        const ours = await settled(context, limits.appearMs, () => findIt(context, model, set))
        if (ours !== undefined) return adopt(context, model, ours, set)
      }
      if (!mayHaveHappened(error) || attempt >= limits.createAttemptsMax) throw error
      lost = true
    }
  }
}

/** The object under the property that is unique, if it is there. */
export function findIt(
  context: StepContext,
  model: Model,
  set: JsonObject,
): Promise<ReadObject | undefined> {
  const { by } = creation(model)
  return context.wire(model).find(model, by, String(set[by]), context.signal)
}

/** Takes what was found for what a lost call made, if it has the very values. */
async function adopt(
  context: StepContext,
  model: Model,
  object: ReadObject,
  set: JsonObject,
): Promise<StepResult> {
  const key = keyOf(model, object.data)
  if (key === undefined || differences(object.data, set).length > 0) {
    throw existsAlready(model, set)
  }
  await context.keep({ key })
  return readBack(context, model, key, set)
}

async function readBack(
  context: StepContext,
  model: Model,
  key: string,
  set: JsonObject,
): Promise<StepResult> {
  const object = await settled(context, limits.appearMs, async () => {
    const read = await context.wire(model).get(model, key, context.signal)
    return read && differences(read.data, set).length === 0 ? read : undefined
  })
  if (object === undefined) {
    throw new AppError(
      'microsoft-broken-answer',
      `Microsoft made the ${model.title} ${key}, but it cannot be read, or not with these values.`,
    )
  }
  return {
    after: { key, values: pick(object.data, Object.keys(set)) },
    observed: { model, object },
  }
}

function keyOf(model: Model, answer: Json | undefined | null): string | undefined {
  const key = isJsonObject(answer) ? (answer.key ?? answer[model.key]) : undefined
  return typeof key === 'string' && key !== '' ? key : undefined
}

function creation(model: Model): CreateOperation {
  if (model.create !== undefined) return model.create
  throw new AppError('internal', `${model.id} declares no create.`)
}

function unreadable(model: Model): AppError {
  return new AppError(
    'microsoft-broken-answer',
    `Microsoft answered the making of a ${model.title} without its key; it is looked for by name.`,
  )
}

function existsAlready(model: Model, set: JsonObject): AppError {
  const { by } = creation(model)
  return new AppError(
    'microsoft-conflict',
    `A ${model.title} with ${by} ${String(set[by])} is there already. Nothing was made; change that one, or choose another ${by}.`,
  )
}
