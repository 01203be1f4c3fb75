import { asAppError } from '../../core/errors.ts'
import { inScope } from '../../store/scope.ts'
import type { Engine } from '../engine.ts'
import { finishRun } from './advanceSync.ts'
import { claimRun } from './queries.ts'

/** Ends a run that no worker could advance, however often it was tried. */
export async function failSync(
  engine: Engine,
  id: number,
  scope: string,
  thrown: unknown,
): Promise<void> {
  const run = await inScope(engine.db, scope, (tx) => claimRun(tx, id))
  if (run === undefined) return
  const { code, message } = asAppError(thrown, `Sync ${id}`)
  await finishRun(engine, run, 'failed', { code, message })
}
