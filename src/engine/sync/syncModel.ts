import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import type { DeltaPage, Page } from '../../core/wire.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { commitAs, endlessList, type ModelSync, tellProgress } from './modelSync.ts'
import {
  advanceRunModel,
  deltaCursorOf,
  forgetPages,
  type RunModel,
  saveDeltaCursor,
} from './queries.ts'
import { findAbsent, forgetRemovals } from './removals/queries.ts'
import { settleApproved, settleFound } from './removals/settle.ts'
import { type RowPage, storePage, toRowPage } from './storePage.ts'

/**
 * Reads one model in, from where the run left it to its end. A first or full sync is: the delta
 * token of now, the list, the delta since that token, removals. A later one: the delta, removals.
 * Every page and every change of phase is a commit, after which another worker can go on.
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
    deltaCursorOf(tx, run.tenantId, state.modelId),
  )
  if (cursor === undefined || run.fullList || model.delta === undefined) {
    return beginList(sync, state)
  }
  return moveTo(sync, { ...state, phase: 'delta', cursor })
}

async function beginList(sync: ModelSync, state: RunModel): Promise<RunModel> {
  const { model, wire, signal } = sync
  // Before the list: a change during it is then in the delta that follows it.
  const deltaCursor = model.delta === undefined ? null : await wire.deltaNow(model, signal)
  const list: RunModel = { ...state, phase: 'list', listed: true, cursor: null, deltaCursor }
  // What was seen and reported before a token failed is decided anew, by the list and the delta
  // after it: somebody seen then may have gone since.
  return moveTo(sync, list, async (tx) => {
    await forgetPages(tx, sync.run, state)
    await forgetRemovals(tx, sync.run, state)
  })
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
  if (state.phase === 'delta') return readPages(sync, state, deltaPage, 'removals')
  if (state.phase === 'list') state = await readPages(sync, state, listPage, afterList(sync.model))
  if (state.phase === 'catch-up') state = await readPages(sync, state, deltaPage, 'removals')
  return state
}

type ReadPage = (sync: ModelSync, cursor: string | null) => Promise<Page | DeltaPage>

const listPage: ReadPage = ({ wire, model, signal }, cursor) =>
  wire.list(model, cursor ?? undefined, signal)

const deltaPage: ReadPage = async ({ wire, model, signal }, cursor) => {
  if (cursor === null)
    throw new AppError('internal', `${model.id} has no delta cursor to read from.`)
  return wire.delta(model, cursor, signal)
}

/**
 * Reads page after page from the state's cursor. While PostgreSQL stores one, the next is fetched
 * and made into rows: each half of the work is about half of the time.
 */
async function readPages(
  sync: ModelSync,
  start: RunModel,
  readPage: ReadPage,
  nextPhase: RunModel['phase'],
): Promise<RunModel> {
  const cursors = new Set<string>()
  let state = start
  let reading = readRows(sync, readPage, state.cursor)
  for (let pages = 0; pages < limits.syncPagesMax; pages++) {
    const page = await reading
    const { next } = page
    if (next !== undefined && cursors.has(next)) throw endlessList(sync.model)
    if (next !== undefined) cursors.add(next)
    let begun = false
    const readNext = () => {
      if (next === undefined || begun) return
      begun = true
      reading = readRows(sync, readPage, next)
      // Its failure is met when it is awaited, after this page is safe.
      reading.catch(() => {})
    }
    state = {
      ...state,
      pageSeq: state.pageSeq + 1,
      cursor: next ?? nextCursor(state, nextPhase),
      deltaCursor: page.resume ?? state.deltaCursor,
      phase: next === undefined ? nextPhase : state.phase,
    }
    await storePage(sync, state, page, readNext)
    if (next === undefined) return state
  }
  throw endlessList(sync.model)
}

/** The catch-up begins at the token taken before the list; other phases need no cursor to begin. */
function nextCursor(state: RunModel, nextPhase: RunModel['phase']): string | null {
  return nextPhase === 'catch-up' ? state.deltaCursor : null
}

function afterList(model: Model): RunModel['phase'] {
  return model.delta === undefined ? 'removals' : 'catch-up'
}

/** A page as rows, with the sub-lists of its objects: members and owners of groups. */
async function readRows(
  sync: ModelSync,
  readPage: ReadPage,
  cursor: string | null,
): Promise<RowPage> {
  const { model, wire, signal } = sync
  const page = await readPage(sync, cursor)
  if (model.links.some((link) => link.call !== undefined)) {
    const keys = page.objects.map((object) => String(object.data[model.key]))
    const links = await wire.links(model, keys, signal)
    for (const object of page.objects) {
      object.links = { ...object.links, ...links.get(String(object.data[model.key])) }
    }
  }
  return toRowPage(model, page)
}

async function settleAndEnd(sync: ModelSync, state: RunModel): Promise<void> {
  const { engine, run, model, wires } = sync
  if (state.listed) {
    await inScope(engine.db, run.nodePath, async (tx) => {
      await commitAs(tx, run)
      await findAbsent(tx, run, state.modelId)
    })
  }
  const held = await settleFound(sync, state, wires.removalsWithoutApproval)
  await moveTo(sync, { ...state, phase: held ? 'held' : 'done' }, async (tx, ended) => {
    await saveDeltaCursor(tx, run, ended)
    await engine.noteConnection(tx, run, model.wire, undefined)
  })
}

/** The cursor stays as it is: later syncs may have moved it on since the removals were held. */
async function endApproved(sync: ModelSync, state: RunModel): Promise<void> {
  const held = await settleApproved(sync, state)
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
    await advanceRunModel(tx, run.id, state, { requests: sync.takeRequests() })
    await alsoSave?.(tx, state)
    await tellProgress(tx, run, state, {})
  })
  return state
}
