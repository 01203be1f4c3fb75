import { AppError, asAppError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import { writeAudit } from '../../store/audit.ts'
import { emit } from '../../store/events.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { markTouchedDue } from '../due/queries.ts'
import { type Advance, type Engine, isOurOwn, type Job, pauseOf, requireModel } from '../engine.ts'
import { storeObserved } from './observed.ts'
import {
  claimTransaction,
  holdTransaction,
  type Step,
  saveStep,
  saveTransaction,
  skipWaitingSteps,
  stepsOf,
  type Transaction,
  type TransactionState,
} from './queries.ts'
import type { StepContext, StepKind, StepResult } from './step.ts'
import { updateStep } from './updateStep.ts'

const stepKinds: Readonly<Record<string, StepKind>> = { update: updateStep }

/**
 * Does what is left of a transaction: its steps in order, or, once one failed or a person asked to
 * cancel, the way back through those that were done, last first. Ends succeeded, undone,
 * cancelled, or stuck with a list of what is left.
 */
export async function advanceTransaction(engine: Engine, job: Job): Promise<Advance> {
  const claimed = await inScope(engine.db, job.scope, async (tx) => {
    const transaction = await claimTransaction(tx, job.id)
    return transaction && { transaction, steps: await stepsOf(tx, transaction.id) }
  })
  if (claimed === undefined) return { done: true }
  const { transaction, steps } = claimed
  try {
    await advanceSteps(engine, transaction, steps, job.signal)
    return { done: true }
  } catch (thrown) {
    const pause = thrown instanceof AppError ? pauseOf(thrown) : undefined
    if (pause === undefined || job.signal.aborted) throw thrown
    return pause
  }
}

async function advanceSteps(
  engine: Engine,
  transaction: Transaction,
  steps: Step[],
  signal: AbortSignal,
): Promise<void> {
  const context = await openContext(engine, transaction, signal)
  if (transaction.state === 'running') {
    const failure = await goForward(engine, transaction, steps, context)
    if (failure === undefined) {
      return endTransaction(engine, transaction, 'succeeded', null)
    }
    await turnRound(engine, transaction, failure)
  }
  await goBack(engine, transaction, steps, context)
}

/** Answers why it stopped, or undefined when every step is done. */
async function goForward(
  engine: Engine,
  transaction: Transaction,
  steps: Step[],
  context: StepContext,
): Promise<AppError | undefined> {
  for (const step of steps) {
    if (step.state === 'done') continue
    try {
      await doStep(engine, transaction, step, context)
    } catch (thrown) {
      const error = asAppError(thrown, `Step ${step.seq}`)
      if (isForLater(error, context.signal)) throw error
      return error
    }
  }
  return undefined
}

/** Audit, before-image and the mark `doing` are one commit, and only then does a call leave. */
async function doStep(
  engine: Engine,
  transaction: Transaction,
  step: Step,
  context: StepContext,
): Promise<void> {
  const kind = kindOf(step)
  const before = step.before ?? (await kind.look(context, step.input))
  await commit(engine, transaction, async (tx, { cancelAsked }) => {
    if (cancelAsked && step.state === 'waiting') throw cancelled(transaction)
    await audit(tx, transaction, 'transaction.step', step, { before, set: step.input.set ?? null })
    await saveStep(tx, transaction.id, step.seq, { state: 'doing', before, attempted: true })
  })
  step.state = 'doing'
  step.before = before
  const result = await kind.ensure(context, step.input, before)
  await commitResult(engine, transaction, step, 'done', result)
}

async function goBack(
  engine: Engine,
  transaction: Transaction,
  steps: readonly Step[],
  context: StepContext,
): Promise<void> {
  for (const step of [...steps].reverse()) {
    if (step.state === 'done' || step.state === 'doing' || step.state === 'undoing') {
      await undoStep(engine, transaction, step, context)
    }
  }
  const stuck = steps.some((step) => step.state === 'stuck')
  const wasCancelled = transaction.error?.code === 'cancelled'
  const state = stuck ? 'stuck' : wasCancelled ? 'cancelled' : 'undone'
  await endTransaction(engine, transaction, state, transaction.error)
}

async function undoStep(
  engine: Engine,
  transaction: Transaction,
  step: Step,
  context: StepContext,
): Promise<void> {
  const kind = kindOf(step)
  const before = step.before ?? {}
  await commit(engine, transaction, async (tx) => {
    await audit(tx, transaction, 'transaction.undo', step, { before })
    await saveStep(tx, transaction.id, step.seq, { state: 'undoing', attempted: true })
  })
  try {
    const result = await kind.undo(context, step.input, before, step.after)
    await commitResult(engine, transaction, step, 'undone', result)
  } catch (thrown) {
    const error = asAppError(thrown, `Undoing step ${step.seq}`)
    if (isForLater(error, context.signal)) throw error
    step.state = 'stuck'
    const left = kind.wayBack(context, step.input, before)
    await commit(engine, transaction, (tx) =>
      saveStep(tx, transaction.id, step.seq, {
        state: 'stuck',
        error: { ...asJson(error), left },
      }),
    )
  }
}

/** Ends this attempt, not the transaction: it is taken up again, at once or behind a pause. */
function isForLater(error: AppError, signal: AbortSignal): boolean {
  return signal.aborted || isOurOwn(error) || pauseOf(error) !== undefined
}

async function commitResult(
  engine: Engine,
  transaction: Transaction,
  step: Step,
  state: 'done' | 'undone',
  result: StepResult,
): Promise<void> {
  await commit(engine, transaction, async (tx) => {
    await saveStep(tx, transaction.id, step.seq, {
      state,
      ...(state === 'done' ? { after: result.after } : {}),
    })
    await storeObserved(tx, transaction, result.observed)
    await tell(tx, transaction, 'transaction.progress', { seq: step.seq, state })
  })
  step.state = state
  if (state === 'done') step.after = result.after
}

async function turnRound(
  engine: Engine,
  transaction: Transaction,
  failure: AppError,
): Promise<void> {
  const error = asJson(failure)
  await commit(engine, transaction, async (tx) => {
    await skipWaitingSteps(tx, transaction.id)
    await saveTransaction(tx, transaction, 'undoing', error)
    await tell(tx, transaction, 'transaction.undoing', error)
  })
  transaction.state = 'undoing'
  transaction.error = error
}

export async function endTransaction(
  engine: Engine,
  transaction: Transaction,
  state: TransactionState,
  error: JsonObject | null,
): Promise<void> {
  await commit(engine, transaction, async (tx) => {
    await writeAudit(tx, {
      nodePath: transaction.nodePath,
      actor: transaction.actor,
      action: 'transaction.ended',
      tenantId: transaction.tenantId,
      subject: `transaction:${transaction.id}`,
      detail: { state },
    })
    await saveTransaction(tx, transaction, state, error)
    await markTouchedDue(tx, transaction, new Date(engine.clock.now() + limits.dueBehindChangeMs))
    await tell(tx, transaction, 'transaction.ended', { state })
  })
}

/** One commit of this transaction's work, refused when another worker has taken it over. */
async function commit(
  engine: Engine,
  transaction: Transaction,
  work: (tx: Tx, held: { cancelAsked: boolean }) => Promise<void>,
): Promise<void> {
  await inScope(engine.db, transaction.nodePath, async (tx) => {
    const held = await holdTransaction(tx, transaction)
    if (held === undefined) {
      const what = `Another worker has taken over transaction ${transaction.id}; it goes on there.`
      throw new AppError('fenced', what)
    }
    await work(tx, held)
  })
}

async function openContext(
  engine: Engine,
  transaction: Transaction,
  signal: AbortSignal,
): Promise<StepContext> {
  const place = { tenantId: transaction.tenantId, scope: transaction.nodePath }
  const models = await engine.models.current()
  const wires = await engine.openWires(place, () => {}, 'interactive')
  return {
    actor: transaction.actor,
    clock: engine.clock,
    signal,
    model: (id) => requireModel(models, id),
    wire: (model) => wires.wire(model.wire),
    confirmHeld: () => commit(engine, transaction, async () => {}),
  }
}

function kindOf(step: Step): StepKind {
  const kind = stepKinds[step.kind]
  if (kind === undefined) throw new AppError('internal', `There is no kind of step ${step.kind}.`)
  return kind
}

function cancelled(transaction: Transaction): AppError {
  return new AppError('cancelled', `Transaction ${transaction.id} was cancelled before this step.`)
}

async function audit(
  tx: Tx,
  transaction: Transaction,
  action: string,
  step: Step,
  detail: JsonObject,
): Promise<void> {
  await writeAudit(tx, {
    nodePath: transaction.nodePath,
    actor: transaction.actor,
    action,
    tenantId: transaction.tenantId,
    subject: `transaction:${transaction.id}`,
    detail: {
      step: step.seq,
      model: step.input.model ?? null,
      key: step.input.key ?? null,
      ...detail,
    },
  })
}

async function tell(
  tx: Tx,
  transaction: Transaction,
  kind: string,
  data: JsonObject,
): Promise<void> {
  const { nodePath, tenantId, id } = transaction
  await emit(tx, { nodePath, tenantId, subject: `transaction:${id}`, kind, data })
}

function asJson(error: AppError): JsonObject {
  return { code: error.code, message: error.message }
}
