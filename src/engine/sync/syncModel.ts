import { AppError } from '../../core/errors.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { commitAs, type ModelSync, tellProgress } from './modelSync.ts'
import { deltaCursorOf, moveRunModel, type RunModel, saveDeltaCursor } from './queries.ts'
import { findAbsent, forgetRemovals } from './removals/queries.ts'
import { settleFound, settleOpen } from './removals/settle.ts'
import { leaveAbsent } from './scope/leaveScope.ts'
import { beginShards, deltaShard, forgetPages } from './shards/queries.ts'
import { readShards } from './shards/readShards.ts'

/**
 * Reads one model in, from where the run left it to its end. A first sync is: the delta token of
 * now, the list, the delta since that token, removals. A full one: the same with the token of the
 * sync before. A later one: the delta, removals. Every page and every change of phase is a commit,
 * after which another worker can go on.
 */
export async function syncModel(sync: ModelSync, start: RunModel): Promise<void> {
  if (start.phase === 'held') return endApproved(sync, start)
  const begun = start.phase === 'queued' ? await begin(sync, start) : start
  const read = await readOrBeginAnew(sync, begun)
  if (read.phase === 'removals') await settleAndEnd(sync, read)
}

async function begin(sync: ModelSync, state: RunModel): Promise<RunModel> {
  const { engine, run, model } = sync
  const cursor = await inScope(engine.db, run.nodePath, (tx) =>
    deltaCursorOf(tx, run.tenantId, state),
  )
  if (cursor === undefined || run.fullList || model.delta === undefined) {
    return beginList(sync, state, cursor)
  }
  return beginDelta(sync, { ...state, phase: 'delta', deltaCursor: cursor })
}

/**
 * The delta that follows the list begins before it, so that it has what changes meanwhile; where
 * there was a sync, at that one's end. Of what came just before the list Graph's index of changes
 * may know already and the replica that lists not yet: a token of now would never bring it.
 */
async function beginList(sync: ModelSync, state: RunModel, since?: string): Promise<RunModel> {
  const { engine, run, model, wire, signal, scope } = sync
  const [deltaCursor, shards] = await Promise.all([
    model.delta === undefined ? null : (since ?? wire.deltaNow(model, signal)),
    wire.shards(model, engine.clock.now(), signal, scope),
  ])
  const cursors = shards.length === 0 ? [null] : shards
  const list: RunModel = { ...state, phase: 'list', listed: true, deltaCursor }
  return moveTo(sync, list, async (tx) => {
    // What was seen and reported before a token failed is decided anew, by the list and the delta
    // after it: somebody seen then may have gone since.
    await forgetPages(tx, run.id, state.modelId)
    await forgetRemovals(tx, run, state)
    const begun = cursors.map((cursor, index) => ({ shard: index + 1, seq: 0, cursor }))
    await beginShards(tx, run, state.modelId, begun)
  })
}

/** The delta since `deltaCursor`, which stays until the delta's end names the next one. */
function beginDelta(sync: ModelSync, state: RunModel): Promise<RunModel> {
  const shard = { shard: deltaShard, seq: 0, cursor: state.deltaCursor }
  return moveTo(sync, state, (tx) => beginShards(tx, sync.run, state.modelId, [shard]))
}

/**
 * A place in a delta or list that Microsoft no longer knows (a delta rests for weeks, a page for
 * minutes) costs one full list and nothing else. One: where that ends too, trying on is no help.
 */
async function readOrBeginAnew(sync: ModelSync, state: RunModel): Promise<RunModel> {
  try {
    return await readToEnd(sync, state)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'microsoft-token-expired') throw error
    return readToEnd(sync, await beginList(sync, state))
  }
}

async function readToEnd(sync: ModelSync, start: RunModel): Promise<RunModel> {
  let state = start
  if (state.phase === 'list') {
    await readShards(sync, state, 'list')
    if (sync.model.delta === undefined) return moveTo(sync, { ...state, phase: 'removals' })
    state = await beginDelta(sync, { ...state, phase: 'catch-up' })
  }
  if (state.phase === 'delta' || state.phase === 'catch-up') {
    const deltaCursor = await readShards(sync, state, 'delta')
    return moveTo(sync, { ...state, phase: 'removals', deltaCursor })
  }
  return state
}

async function settleAndEnd(sync: ModelSync, state: RunModel): Promise<void> {
  const { engine, run, wires } = sync
  if (state.listed) {
    await inScope(engine.db, run.nodePath, async (tx) => {
      await commitAs(tx, run)
      await findAbsent(tx, run, state.modelId)
    })
    await leaveAbsent(sync, state)
  }
  const held = await settleFound(sync, state, wires.removalsWithoutApproval)
  await moveTo(sync, { ...state, phase: held ? 'held' : 'done' }, async (tx, ended) => {
    await saveDeltaCursor(tx, run, ended)
  })
}

/** The cursor stays as it is: later syncs may have moved it on since the removals were held. */
async function endApproved(sync: ModelSync, state: RunModel): Promise<void> {
  const held = await settleOpen(sync, state)
  await moveTo(sync, { ...state, phase: held ? 'held' : 'done' })
}

async function moveTo(
  sync: ModelSync,
  state: RunModel,
  alsoSave?: (tx: Tx, state: RunModel) => Promise<void>,
): Promise<RunModel> {
  const { engine, run } = sync
  await inScope(engine.db, run.nodePath, async (tx) => {
    await commitAs(tx, run)
    await moveRunModel(tx, run.id, state, sync.takeRequests())
    await alsoSave?.(tx, state)
    await tellProgress(tx, run, state, {})
  })
  return state
}
