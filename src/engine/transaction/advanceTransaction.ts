import { AppError, asAppError, type ErrorCode } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import { inParallel } from '../../core/parallel.ts'
import { writeAudit } from '../../store/audit.ts'
import { inScope } from '../../store/scope.ts'
import { markTouchedDue } from '../due/queries.ts'
import { type Advance, type Engine, type Job, pauseOf } from '../engine.ts'
import { chainsOf } from './chains.ts'
import { commitBeginnings, commitFinishes, doStep, isForLater, undoStep } from './doStep.ts'
import { createGroupCommit } from './groupCommit.ts'
import {
  claimTransaction,
  type Step,
  saveTransaction,
  skipWaitingSteps,
  stepsOf,
  type Transaction,
  type TransactionState,
} from './queries.ts'
import { lackingTogether } from './together.ts'
import { asJson, commit, kindOf, readContext, secretsOf, tell, type Work } from './work.ts'

/**
 * Does what is left of a transaction: its steps, or, once one failed or a person asked to cancel,
 * the way back through those that were done. Steps that depend on one another keep their order,
 * and go back in the reverse one; the others are done side by side. Ends succeeded, undone,
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
  steps: readonly Step[],
  signal: AbortSignal,
): Promise<void> {
  const { tenantId, nodePath: scope } = transaction
  const refusal = await refusalOf(engine, transaction, steps)
  if (refusal !== undefined) return endTransaction(engine, transaction, 'undone', refusal)
  const wires = await engine.openWires({ tenantId, scope }, () => {}, 'interactive')
  const models = await engine.models.current()
  const place = { engine, transaction, models }
  const groupMax = limits.stepsInFlight
  const work: Work = {
    ...{ ...place, steps, wires, signal },
    begin: createGroupCommit(groupMax, (items) => commitBeginnings(place, items)),
    finish: createGroupCommit(groupMax, (items) => commitFinishes(place, items)),
  }
  const chains = chainsOf(steps, (step) => kindOf(work, step.kind))
  if (transaction.state === 'running') {
    const failure = await goForward(work, chains)
    if (failure === undefined) return endTransaction(engine, transaction, 'succeeded', null)
    await turnRound(work, failure)
  }
  await goBack(work, chains)
}

/**
 * Why its author may not have it begun any more: rights were taken, or somebody got power at
 * Microsoft. What is begun goes on to its end or all the way back: half of it helps nobody.
 */
async function refusalOf(
  engine: Engine,
  transaction: Transaction,
  steps: readonly Step[],
): Promise<JsonObject | undefined> {
  if (steps.some(({ state }) => state !== 'waiting')) return undefined
  const { actor, tenantId, nodePath } = transaction
  try {
    await engine.mayBegin({ author: actor, tenantId, nodePath, of: steps })
    return undefined
  } catch (thrown) {
    const error = asAppError(thrown, `Transaction ${transaction.id}`)
    if (error.code !== 'not-permitted') throw error
    await commit({ engine, transaction }, (tx) => skipWaitingSteps(tx, transaction.id))
    return asJson(error)
  }
}

/** Answers why it stopped, or undefined when every step is done. */
async function goForward(
  work: Work,
  chains: readonly (readonly Step[])[],
): Promise<JsonObject | undefined> {
  // One that failed before this worker took over decides; others may only have been under way.
  const earlier = work.steps.find(({ error }) => error !== null)?.error
  if (earlier) return earlier
  const lacking = await lackingAtFirst(work)
  if (lacking !== undefined) return lacking
  let failure: JsonObject | undefined
  await inParallel(chains, limits.stepsInFlight, async (chain) => {
    for (const [index, step] of chain.entries()) {
      if (step.state === 'done') continue
      if (failure !== undefined) return
      try {
        await doStep(work, step, index > 0)
      } catch (thrown) {
        const error = asAppError(thrown, `Step ${step.seq}`)
        if (isForLater(error, work.signal)) throw error
        failure ??= asJson(error)
        return
      }
    }
  })
  return failure
}

/** Nothing was sent yet, so what cannot be done as a whole is not begun. */
async function lackingAtFirst(work: Work): Promise<JsonObject | undefined> {
  const { engine, steps, signal } = work
  if (steps.length < 2 || steps.some(({ state }) => state !== 'waiting')) return undefined
  try {
    const lacking = await lackingTogether(engine, readContext(work), steps)
    const [problem] = lacking.values()
    return problem === undefined ? undefined : asJson(new AppError('microsoft-conflict', problem))
  } catch (thrown) {
    const error = asAppError(thrown, 'Looking at what the steps need')
    if (isForLater(error, signal)) throw error
    return asJson(error)
  }
}

async function turnRound(work: Work, error: JsonObject): Promise<void> {
  const { transaction, steps } = work
  await commit(work, async (tx) => {
    await skipWaitingSteps(tx, transaction.id)
    await saveTransaction(tx, transaction, 'undoing', error)
    await tell(tx, transaction, 'transaction.undoing', error)
  })
  for (const step of steps) if (step.state === 'waiting') step.state = 'skipped'
  transaction.state = 'undoing'
  transaction.error = error
}

async function goBack(work: Work, chains: readonly (readonly Step[])[]): Promise<void> {
  const { engine, transaction, steps } = work
  await inParallel(chains, limits.stepsInFlight, async (chain) => {
    for (const step of chain.toReversed()) {
      if (step.state === 'done' || step.state === 'doing' || step.state === 'undoing') {
        await undoStep(work, step)
      }
    }
  })
  const stuck = steps.some((step) => step.state === 'stuck')
  const code: ErrorCode = 'cancelled'
  const state = stuck ? 'stuck' : transaction.error?.code === code ? 'cancelled' : 'undone'
  await endTransaction(engine, transaction, state, transaction.error)
}

/** What came with it in secret goes with its end. */
export async function endTransaction(
  engine: Engine,
  transaction: Transaction,
  state: TransactionState,
  error: JsonObject | null,
): Promise<void> {
  await commit({ engine, transaction }, async (tx) => {
    await writeAudit(tx, {
      nodePath: transaction.nodePath,
      actor: transaction.actor,
      action: 'transaction.ended',
      tenantId: transaction.tenantId,
      subject: `transaction:${transaction.id}`,
      detail: { state },
    })
    await engine.vault.destroy(tx, secretsOf(transaction.id))
    await saveTransaction(tx, transaction, state, error)
    await markTouchedDue(tx, transaction, new Date(engine.clock.now() + limits.dueBehindChangeMs))
    await tell(tx, transaction, 'transaction.ended', { state })
  })
}
