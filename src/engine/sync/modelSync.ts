import { AppError } from '../../core/errors.ts'
import type { Filter } from '../../core/filter.ts'
import type { Model } from '../../core/model.ts'
import type { Wire } from '../../core/wire.ts'
import { emit } from '../../store/events.ts'
import type { Tx } from '../../store/scope.ts'
import type { Engine, TenantWires } from '../engine.ts'
import { type Counts, holdRun, type Run, type RunModel } from './queries.ts'

/** One model of a run at work: what every step of it needs. */
export interface ModelSync {
  engine: Engine
  run: Run
  model: Model
  wire: Wire
  wires: TenantWires
  signal: AbortSignal
  /** Requests sent since the last time it was asked. */
  takeRequests: () => number
  /**
   * No object of the model is stored: the first import, which then asks for no page what of it is
   * there already. Set back when a page shows otherwise.
   */
  nothingStored: boolean
  /** What of the model the tenant's syncs take in; undefined: everything. */
  scope: Filter | undefined
}

/** Holds the run for this commit, or refuses: another worker has taken it over. */
export async function requireHeld(tx: Tx, run: Run): Promise<{ cancelAsked: boolean }> {
  const held = await holdRun(tx, run)
  if (held !== undefined) return held
  throw new AppError('fenced', `Another worker has taken over sync ${run.id}; it goes on there.`)
}

/** As `requireHeld`, and refuses as well when the run was cancelled. */
export async function commitAs(tx: Tx, run: Run): Promise<void> {
  const { cancelAsked } = await requireHeld(tx, run)
  if (cancelAsked) {
    throw new AppError('cancelled', `Sync ${run.id} was cancelled; what was read before stays.`)
  }
}

export async function tellProgress(
  tx: Tx,
  run: Run,
  state: RunModel,
  counts: Partial<Counts>,
): Promise<void> {
  await emit(tx, {
    nodePath: run.nodePath,
    tenantId: run.tenantId,
    subject: `sync:${run.id}`,
    kind: 'sync.progress',
    data: { model: state.model, phase: state.phase, page: state.pageSeq, ...counts },
  })
}

export function endlessList(model: Model): AppError {
  return new AppError(
    'microsoft-broken-answer',
    `The list of ${model.id} does not end: its pages repeat. What was read is kept and nothing was removed; sync again later.`,
  )
}
