import { AppError } from '../../../core/errors.ts'
import type { JsonObject } from '../../../core/json.ts'
import { limits } from '../../../core/limits.ts'
import type { Model } from '../../../core/model.ts'
import type { Edge } from '../../../core/writing.ts'
import { mayHaveHappened, notShown, readObject, settled } from '../settle.ts'
import { objectName, type StepContext, type StepKind } from '../step.ts'

/** Makes a link between two objects be there, or not: a member of a group. */
export interface LinkInput extends JsonObject {
  model: string
  key: string
  link: string
  /** The model and key of the other end. */
  to: { model: string; key: string }
  present: boolean
}

export const linkStep: StepKind = {
  // Not the object the link begins at: many members join one group side by side.
  touches: ({ model, key, to }: LinkInput) => [
    objectName(to.model, to.key),
    ...(typeof key === 'string' ? [] : [objectName(model, key)]),
  ],

  async look(context, input: LinkInput) {
    const model = context.model(input.model)
    await readObject(context, model, input.key)
    return { present: await isLinked(context, model, input) }
  },

  async ensure(context, input: LinkInput) {
    const model = context.model(input.model)
    const edge = edgeOf(input)
    if (context.mustSend || (await isLinked(context, model, input)) !== input.present) {
      const ms = Math.max(limits.settleMs, context.patienceMs)
      await settled(context, ms, () => sendOnce(context, model, edge))
    }
    const shown = await settled(context, limits.appearMs, async () =>
      (await isLinked(context, model, input)) === input.present ? true : undefined,
    )
    if (shown === undefined) throw notShown(`the change of ${input.link}`)
    return { after: { present: input.present }, observed: { model, edge } }
  },

  reverse(input: LinkInput, before) {
    if (before.present === input.present) return 'nothing'
    return { kind: 'link', input: { ...input, present: !input.present } }
  },

  call(context, input: LinkInput) {
    const model = context.model(input.model)
    return context.wire(model).linkCall(model, edgeOf(input))
  },

  differences({ link, to, present }: LinkInput, before) {
    if (before !== null && before.present === present) return []
    const [was, is] = present ? [null, to.key] : [to.key, null]
    return [{ property: link, before: was, after: is }]
  },
}

function edgeOf({ key, link, to, present }: LinkInput): Edge {
  return { kind: link, from: key, to: to.key, present }
}

function isLinked(context: StepContext, model: Model, input: LinkInput): Promise<boolean> {
  return context.wire(model).isLinked(model, edgeOf(input), context.signal)
}

/**
 * Answers undefined where an end is not known yet to the replica that was asked. That a link is
 * there already, or already gone, is as good as having made it so.
 */
async function sendOnce(context: StepContext, model: Model, edge: Edge): Promise<true | undefined> {
  try {
    await context.send(model, context.wire(model).linkCall(model, edge), 0)
    return true
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (error.code === 'microsoft-conflict' && edge.present) return true
    // Gone already, unless it was made a moment ago and this replica does not know it yet.
    const isGone = !edge.present && !context.mustSend
    if (error.code === 'microsoft-not-found') return isGone ? true : undefined
    if (!mayHaveHappened(error)) throw error
    const linked = await context.wire(model).isLinked(model, edge, context.signal)
    if (linked !== edge.present) throw error
    return true
  }
}
