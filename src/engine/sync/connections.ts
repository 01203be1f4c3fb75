import type { AppError } from '../../core/errors.ts'
import { inScope } from '../../store/scope.ts'
import type { Engine } from '../engine.ts'
import { requireHeld } from './modelSync.ts'
import type { Run } from './queries.ts'

/** How the wires of a run fared, by name: the first error of each, or undefined for none. */
export interface Findings {
  ways: Map<string, AppError | undefined>
  /** Models that were never readable for want of a permission: they say little of the way. */
  neverRead: Map<string, AppError>
}

export function noFindings(): Findings {
  return { ways: new Map(), neverRead: new Map() }
}

export function foundWay({ ways }: Findings, wire: string, error: AppError | undefined): void {
  if (ways.get(wire) === undefined) ways.set(wire, error)
}

/**
 * Tells the connections once a run is through, not model by model: of a tenant that keeps its rooms
 * to itself each sync would else report a connection that fails and comes back. A permission that a
 * model lacked from the beginning counts only where nothing else could be read.
 */
export async function tellConnections(
  engine: Engine,
  run: Run,
  { ways, neverRead }: Findings,
): Promise<void> {
  const told = new Map([...neverRead, ...ways])
  if (told.size === 0) return
  await inScope(engine.db, run.nodePath, async (tx) => {
    await requireHeld(tx, run)
    for (const [wire, error] of told) await engine.noteConnection(tx, run, wire, error)
  })
}
