import { asAppError } from '../../core/errors.ts'
import { inScope } from '../../store/scope.ts'
import type { Engine } from '../engine.ts'
import { endTransaction } from './advanceTransaction.ts'
import { claimTransaction, saveStep, skipWaitingSteps, stepsOf } from './queries.ts'

/**
 * Ends a transaction that no worker could advance, however often it was tried: `undone` when none
 * of its steps had begun, else `stuck`, each begun step naming what it was to put back.
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
    const begun = (await stepsOf(tx, id)).filter((step) =>
      ['doing', 'done', 'undoing', 'stuck'].includes(step.state),
    )
    await skipWaitingSteps(tx, id)
    for (const step of begun) {
      const left = `Set ${step.input.model} ${step.input.key} to ${JSON.stringify(step.before)}`
      await saveStep(tx, id, step.seq, { state: 'stuck', error: { code, message, left } })
    }
    return { transaction, state: begun.length === 0 ? ('undone' as const) : ('stuck' as const) }
  })
  if (claimed === undefined) return
  await endTransaction(engine, claimed.transaction, claimed.state, { code, message })
}
