import { AppError, asAppError } from '../../core/errors.ts'
import { isOurOwn, pauseOf } from '../engine.ts'
import { namingNeeds } from './needs.ts'
import { storeObserved } from './observed.ts'
import { type Step, saveStep } from './queries.ts'
import type { StepContext, StepResult } from './step.ts'
import {
  auditStep,
  type Beginning,
  callText,
  commit,
  type Finish,
  inputOf,
  kindOf,
  noteStep,
  openStep,
  tell,
  type Work,
} from './work.ts'

/**
 * Audit, before-image and the mark `doing` are one commit, and only then does a call leave. Throws
 * why it could not be done; where certainly nothing was changed the step stands as undone then.
 * `follows`: see `openStep`.
 */
export async function doStep(work: Work, step: Step, follows: boolean): Promise<void> {
  const { engine } = work
  const { context, mayHaveSent } = openStep(work, step, { forward: true, follows })
  const kind = kindOf(work, step.kind)
  try {
    const input = inputOf(work, step)
    const before = step.before ?? (await kind.look(context, input))
    await work.begin({ step, before })
    step.state = 'doing'
    step.before = before
    const result = await kind.ensure(context, input, before)
    await work.finish({ step, state: 'done', result })
    step.after = result.after
    step.state = 'done'
  } catch (thrown) {
    const error = namingNeeds(context, kind, step.input, asAppError(thrown, `Step ${step.seq}`))
    if (isForLater(error, work.signal) || error.code === 'cancelled') throw error
    if (error.cause !== undefined) engine.log.warn({ error: String(error.cause) }, error.message)
    await noteStep(work, step, stateAfterFailure(step, mayHaveSent()), error)
    throw error
  }
}

function stateAfterFailure(step: Step, mayHaveSent: boolean) {
  if (step.state === 'waiting') return 'skipped'
  return mayHaveSent ? 'doing' : 'undone'
}

/** Takes a step back, or says in words and calls what it leaves. */
export async function undoStep(work: Work, step: Step): Promise<void> {
  const { transaction } = work
  const { context } = openStep(work, step, { forward: false, follows: true })
  const before = step.before ?? {}
  const input = inputOf(work, step)
  const back = kindOf(work, step.kind).reverse(input, before, step.after)
  await commit(work, async (tx) => {
    await auditStep(tx, transaction, 'transaction.undo', step, { before })
    await saveStep(tx, transaction.id, step.seq, { state: 'undoing', attempted: true })
  })
  step.state = 'undoing'
  if (back === 'nothing') {
    await finishUndo(work, step, { after: before, observed: undefined })
  } else if ('never' in back) {
    await noteStep(work, step, 'stuck', new AppError('microsoft-refused', back.never), back.never)
  } else {
    await takeBack(work, step, back, context)
  }
}

async function takeBack(
  work: Work,
  step: Step,
  back: { kind: string; input: Step['input'] },
  context: StepContext,
): Promise<void> {
  const kind = kindOf(work, back.kind)
  try {
    const seen = await kind.look(context, back.input)
    await finishUndo(work, step, await kind.ensure(context, back.input, seen))
  } catch (thrown) {
    const error = asAppError(thrown, `Undoing step ${step.seq}`)
    if (isForLater(error, work.signal)) throw error
    await noteStep(work, step, 'stuck', error, callText(kind.call(context, back.input, {})))
  }
}

async function finishUndo(work: Work, step: Step, result: StepResult): Promise<void> {
  await work.finish({ step, state: 'undone', result })
  step.state = 'undone'
}

/** Ends this attempt, not the transaction: it is taken up again, at once or behind a pause. */
export function isForLater(error: AppError, signal: AbortSignal): boolean {
  return signal.aborted || isOurOwn(error) || pauseOf(error) !== undefined
}

/** Audit, before-images and the marks `doing`, in one commit. */
export async function commitBeginnings(
  place: Pick<Work, 'engine' | 'transaction'>,
  beginnings: readonly Beginning[],
): Promise<void> {
  const { transaction } = place
  await commit(place, async (tx, { cancelAsked }) => {
    for (const { step, before } of beginnings) {
      if (cancelAsked && step.state === 'waiting') throw cancelled(transaction.id)
      const set = step.input.set ?? null
      await auditStep(tx, transaction, 'transaction.step', step, { before, set })
      await saveStep(tx, transaction.id, step.seq, { state: 'doing', before, attempted: true })
    }
  })
}

/** What became of steps, and what they saw, in one commit. */
export async function commitFinishes(
  place: Pick<Work, 'engine' | 'transaction' | 'models'>,
  finishes: readonly Finish[],
): Promise<void> {
  const { models, transaction } = place
  await commit(place, async (tx) => {
    for (const { step, state, result } of finishes) {
      const learnt = state === 'done' ? { after: result.after } : {}
      await saveStep(tx, transaction.id, step.seq, { state, ...learnt })
      await tell(tx, transaction, 'transaction.progress', { seq: step.seq, state })
    }
    const observed = finishes.flatMap(({ result }) => result.observed ?? [])
    await storeObserved(tx, transaction, models, observed)
  })
}

function cancelled(id: number): AppError {
  return new AppError('cancelled', `Transaction ${id} was cancelled before this step.`)
}
