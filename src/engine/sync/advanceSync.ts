import { AppError, asAppError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import { writeAudit } from '../../store/audit.ts'
import { emit } from '../../store/events.ts'
import { inScope } from '../../store/scope.ts'
import type { RunTable } from '../../store/tables/syncs.ts'
import {
  type Advance,
  type Engine,
  isOurOwn,
  type Job,
  pauseOf,
  requireModel,
  type TenantWires,
} from '../engine.ts'
import { type Findings, foundWay, noFindings, tellConnections } from './connections.ts'
import { endingWire } from './endless.ts'
import { commitAs, type ModelSync, requireHeld, tellProgress } from './modelSync.ts'
import {
  claimRun,
  endRun,
  failRunModel,
  hasRows,
  type ModelOutcome,
  modelOutcomes,
  type Run,
  type RunModel,
  runModels,
} from './queries.ts'
import { scopeOf } from './scope/queries.ts'
import { syncModel } from './syncModel.ts'

/**
 * Does what is left of a run: its models one after the other, in reference order. A model that
 * fails is marked so and removes nothing; the others go on. Only being taken over, cancelled or
 * stopped ends the run's work early.
 */
export async function advanceSync(engine: Engine, job: Job): Promise<Advance> {
  const claimed = await inScope(engine.db, job.scope, async (tx) => {
    const run = await claimRun(tx, job.id)
    return run && { run, models: await runModels(tx, run.id) }
  })
  if (claimed === undefined) return { done: true }
  const { run, models } = claimed
  const requests = counter()
  const findings = noFindings()
  try {
    const { actor, tenantId, nodePath } = run
    await engine.mayBegin({ author: actor, tenantId, nodePath, of: 'sync' })
    const place = { tenantId, scope: nodePath }
    const wires = await engine.openWires(place, requests.add, 'sync')
    for (const state of models) {
      if (state.phase === 'done' || state.phase === 'failed') continue
      await syncOrMark({ engine, run, wires, findings, job }, state, requests.take)
    }
    await tellConnections(engine, run, findings)
    const outcomes = await inScope(engine.db, run.nodePath, (tx) => modelOutcomes(tx, run.id))
    await finishRun(engine, run, stateAfter(outcomes), null)
  } catch (thrown) {
    const error = asAppError(thrown, `Sync ${run.id}`)
    if (job.signal.aborted || isOurOwn(error)) throw error
    const pause = pauseOf(error)
    if (pause !== undefined) return pause
    await finishRun(engine, run, error.code === 'cancelled' ? 'cancelled' : 'failed', asJson(error))
  }
  return { done: true }
}

interface Work {
  engine: Engine
  run: Run
  wires: TenantWires
  findings: Findings
  job: Job
}

async function syncOrMark(
  { engine, run, wires, findings, job: { signal } }: Work,
  state: RunModel,
  takeRequests: () => number,
): Promise<void> {
  let model: Model | undefined
  let nothingStored = false
  try {
    model = await modelOf(engine, state)
    const wire = endingWire(wires.wire(model.wire))
    const { modelId } = state
    const stored = await inScope(engine.db, run.nodePath, async (tx) => ({
      nothingStored: !(await hasRows(tx, run.tenantId, modelId)),
      scope: await scopeOf(tx, run.tenantId, modelId),
    }))
    nothingStored = stored.nothingStored
    const sync = { engine, run, model, wire, wires, signal, takeRequests, ...stored }
    await syncThroughFaults(sync, state)
    foundWay(findings, model.wire, undefined)
  } catch (thrown) {
    const error = namingNeeds(asAppError(thrown, `Sync ${run.id} of ${state.model}`), model)
    if (signal.aborted || endsRun(error)) throw error
    engine.log.warn({ sync: run.id, model: state.model, code: error.code }, error.message)
    const neverRead = nothingStored && error.code === 'consent-missing'
    if (model !== undefined && neverRead) findings.neverRead.set(model.wire, error)
    else if (model !== undefined) foundWay(findings, model.wire, error)
    await inScope(engine.db, run.nodePath, async (tx) => {
      await commitAs(tx, run)
      await failRunModel(tx, run.id, state.modelId, asJson(error), takeRequests())
      await tellProgress(tx, run, { ...state, phase: 'failed' }, {})
    })
  }
}

/**
 * Faults of Microsoft's that outlast a call's own tries pass as well, mostly within a minute: the
 * model then goes on behind the last page that was stored. Pages that were stored since the fault
 * before show that it gets somewhere: only what stands still is given up.
 */
async function syncThroughFaults(sync: ModelSync, start: RunModel): Promise<void> {
  const { engine, run, signal } = sync
  let state: RunModel | undefined = start
  for (let attempt = 1; state !== undefined; attempt++) {
    const { pageSeq }: RunModel = state
    try {
      return await syncModel(sync, state)
    } catch (error) {
      const passes = error instanceof AppError && error.code === 'microsoft-unavailable'
      if (!passes) throw error
      const models = await inScope(engine.db, run.nodePath, (tx) => runModels(tx, run.id))
      state = models.find(({ modelId }) => modelId === start.modelId)
      if (state !== undefined && state.pageSeq > pageSeq) attempt = 1
      if (attempt >= limits.modelAttemptsMax) throw error
    }
    await engine.clock.sleep(limits.modelBackoffMs * 2 ** (attempt - 1), signal)
  }
}

/** The version the run was begun with, whatever is in force since. */
async function modelOf({ models }: Engine, state: RunModel): Promise<Model> {
  if (state.versionId !== null) return await models.version(state.versionId)
  return requireModel(await models.current(), state.model)
}

/** Microsoft does not say which permission it misses; the model does. */
function namingNeeds(error: AppError, model: Model | undefined): AppError {
  if (error.code !== 'consent-missing' || model === undefined) return error
  const needs = `To read ${model.id} the application needs ${model.needs.read.join(' and ')}. Grant that, or leave the model out of this tenant's syncs: \`patchbay schedule rule ${model.id} --disable read\`.`
  return new AppError(error.code, `${error.message} ${needs}`, { cause: error })
}

/** What is not about one model: it ends this attempt at the whole run. */
function endsRun(error: AppError): boolean {
  return error.code === 'cancelled' || isOurOwn(error) || pauseOf(error) !== undefined
}

function stateAfter(outcomes: readonly ModelOutcome[]): RunTable['state'] {
  if (outcomes.some((outcome) => outcome.phase === 'held')) return 'awaiting-approval'
  const failed = outcomes.filter((outcome) => outcome.phase === 'failed').length
  if (failed === outcomes.length) return 'failed'
  const hasErrors = failed > 0 || outcomes.some((outcome) => outcome.rejected > 0)
  return hasErrors ? 'succeeded-with-errors' : 'succeeded'
}

/** Throws `fenced` when another worker has taken the run over: how it ends is said there. */
export async function finishRun(
  engine: Engine,
  run: Run,
  state: RunTable['state'],
  error: JsonObject | null,
): Promise<void> {
  await inScope(engine.db, run.nodePath, async (tx) => {
    await requireHeld(tx, run)
    const { nodePath, tenantId, actor } = run
    const subject = `sync:${run.id}`
    await writeAudit(tx, {
      nodePath,
      actor,
      action: 'sync.ended',
      tenantId,
      subject,
      detail: { state },
    })
    await endRun(tx, run, state, error)
    await emit(tx, { nodePath, tenantId, subject, kind: 'sync.ended', data: { state } })
  })
}

function asJson(error: AppError): JsonObject {
  return { code: error.code, message: error.message }
}

function counter(): { add: () => void; take: () => number } {
  let count = 0
  return {
    add: () => {
      count++
    },
    take: () => {
      const taken = count
      count = 0
      return taken
    },
  }
}
