import { asAppError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import { inScope } from '../../store/scope.ts'
import type { Engine } from '../engine.ts'
import { endTransaction } from './advanceTransaction.ts'
import { claimTransaction, type Step, saveStep, skipWaitingSteps, stepsOf } from './queries.ts'
import { inputOf, kindOf } from './work.ts'

/**
 * Ends a transaction that no worker could advance, however often it was tried: `undone` when none
 * of its steps had begun, else `stuck`, each begun step naming what takes it back.
 */
export async function failTransaction(
  engine: Engine,
  id: number,
  scope: string,
  thrown: unknown,
): Promise<void> {
  const { code, message } = asAppError(thrown, `Transaction ${id}`)
  // One commit: the claim keeps every other worker off while the steps are marked.
  const claimed = await inScope(engine.db, scope, async (tx) => {
    const transaction = await claimTransaction(tx, id)
    if (transaction === undefined) return undefined
    const steps = await stepsOf(tx, id)
    const begun = steps.filter((step) => ['doing', 'done', 'undoing', 'stuck'].includes(step.state))
    await skipWaitingSteps(tx, id)
    for (const step of begun) {
      const error: JsonObject = { code, message, left: leftBy(engine, steps, step) }
      await saveStep(tx, id, step.seq, { state: 'stuck', error })
    }
    return { transaction, state: begun.length === 0 ? ('undone' as const) : ('stuck' as const) }
  })
  if (claimed === undefined) return
  await endTransaction(engine, claimed.transaction, claimed.state, { code, message })
}

/** In our own words: without a way to Microsoft there is no call to show. */
function leftBy(engine: Engine, steps: readonly Step[], step: Step): string {
  const back = kindOf({ engine }, step.kind).reverse(
    inputOf({ steps }, step),
    step.before ?? {},
    step.after,
  )
  if (back === 'nothing') return 'nothing: it was so already'
  return 'never' in back ? back.never : `${back.kind} ${JSON.stringify(back.input)}`
}
