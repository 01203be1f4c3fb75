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
  const claimed = await inScope(engine.db, scope, (tx) => claimTransaction(tx, id))
  if (claimed === undefined) return
  const { code, message } = asAppError(thrown, `Transaction ${id}`)
  const open = await inScope(engine.db, scope, async (tx) => {
    const steps = (await stepsOf(tx, id)).filter((step) =>
      ['doing', 'done', 'undoing', 'stuck'].includes(step.state),
    )
    await skipWaitingSteps(tx, id)
    for (const step of steps) {
      const left = `Set ${step.input.model} ${step.input.key} to ${JSON.stringify(step.before)}`
      await saveStep(tx, id, step.seq, { state: 'stuck', error: { code, message, left } })
    }
    return steps.length
  })
  await endTransaction(engine, claimed, open === 0 ? 'undone' : 'stuck', { code, message })
}
