import { AppError } from '../../core/errors.ts'
import { changesBetween, type JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import type { DeltaPage, Page, RejectedObject } from '../../core/wire.ts'
import { writeAudit } from '../../store/audit.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { type Row, toRow } from '../row.ts'
import { storeLinks } from './links/storeLinks.ts'
import { commitAs, type ModelSync, tellProgress } from './modelSync.ts'
import {
  advanceRunModel,
  copyRows,
  dataOf,
  insertCopied,
  type KnownRow,
  knownRows,
  type Run,
  type RunModel,
  recordChanges,
  savePage,
  saveRejected,
  updateRows,
} from './queries.ts'
import { disproveRemovals, reportRemovals } from './removals/queries.ts'
import { applyRule, type Split } from './rules/applyRule.ts'

/** A page ready to be stored: its objects as rows by key, the last of each. */
export interface RowPage {
  rows: Map<string, Row>
  rejected: RejectedObject[]
  /** Undefined for a list, which knows nothing of removals. */
  removed: string[] | undefined
  next: string | undefined
  resume: string | undefined
}

/** Makes rows of a page's objects; what cannot be a row joins the rejected. */
export function toRowPage(model: Model, page: Page | DeltaPage): RowPage {
  const rows = new Map<string, Row>()
  const removed = 'removed' in page ? page.removed : undefined
  const resume = 'resume' in page ? page.resume : undefined
  const rejected = [...page.rejected]
  for (const object of page.objects) {
    const row = toRow(model, object)
    if ('reason' in row) rejected.push({ key: undefined, reason: row.reason })
    else rows.set(row.key, row)
  }
  return { rows, rejected, removed, next: page.next, resume }
}

/**
 * Commits one page: rows that differ, their edges, what was reported removed, what was rejected,
 * the ids the run has seen, the counts, the cursor of the next page and the event. `state` says
 * where the model stands after it. `meanwhile` is called once PostgreSQL has the rows and works by
 * itself: the time to fetch and read the next page, which before would only hold up the COPY.
 */
export async function storePage(
  sync: ModelSync,
  state: RunModel,
  page: RowPage,
  meanwhile: () => void,
): Promise<void> {
  const requests = sync.takeRequests()
  if (sync.nothingStored) {
    try {
      return await commitPage(sync, state, page, requests, meanwhile)
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'conflict') throw error
      // The list brought an object twice: from here on each page is looked up.
      sync.nothingStored = false
    }
  }
  await commitPage(sync, state, page, requests, meanwhile)
}

async function commitPage(
  sync: ModelSync,
  state: RunModel,
  page: RowPage,
  requests: number,
  meanwhile: () => void,
): Promise<void> {
  const { engine, run, model } = sync
  const { rows, rejected } = page
  await inScope(engine.db, run.nodePath, async (tx) => {
    await commitAs(tx, run)
    const known = sync.nothingStored ? noRows : await lookUp(tx, run, state, page)
    const place = { tenantId: run.tenantId, modelId: state.modelId, nodePath: run.nodePath }
    const split = await applyRule(tx, place, splitRows(rows, known), known)
    await recordUpdates(tx, run, model, split.updated, known)
    await copyRows(tx, 'incoming', split.fresh)
    meanwhile()
    const written = split.fresh.length > 0 ? await insertCopied(tx, place) : noIds
    await updateRows(tx, place, split.updated)
    const seen = [...written.values(), ...knownIds(known)]
    const relinked = await storeLinks(tx, place, model, {
      fresh: split.fresh,
      known: [...split.updated, ...split.unchanged],
    })
    if (page.removed !== undefined) {
      await disproveRemovals(tx, run.id, seen)
      await reportRemovals(tx, run, state.modelId, page.removed)
    }
    await saveRejected(tx, run, state.modelId, rejected, limits.syncRejectedMax)
    await savePage(tx, run, state, seen)
    // A group whose members changed is a changed group, though its own row stays as it is.
    const relinkedAlone = split.unchanged.filter((row) => relinked.has(row.key)).length
    const updated = split.updated.length + relinkedAlone
    const counts = {
      added: split.fresh.length,
      updated,
      unchanged: rows.size - split.fresh.length - updated,
      rejected: rejected.length,
      requests,
    }
    await advanceRunModel(tx, run.id, state, counts)
    await tellProgress(tx, run, state, counts)
  })
}

const noIds: ReadonlyMap<string, number> = new Map()
const noRows: ReadonlyMap<string, KnownRow> = new Map()

function lookUp(
  tx: Tx,
  run: Run,
  state: RunModel,
  { rows, rejected }: RowPage,
): Promise<Map<string, KnownRow>> {
  const rejectedKeys = rejected.flatMap((one) => (one.key === undefined ? [] : [one.key]))
  return knownRows(tx, run.tenantId, state.modelId, [...rows.keys(), ...rejectedKeys])
}

function splitRows(rows: Map<string, Row>, known: ReadonlyMap<string, KnownRow>): Split {
  const fresh: Row[] = []
  const updated: Row[] = []
  const unchanged: Row[] = []
  for (const row of rows.values()) {
    const stored = known.get(row.key)
    if (stored === undefined) fresh.push(row)
    else if (stored.gone || stored.hash !== row.hash.toString('hex')) updated.push(row)
    else unchanged.push(row)
  }
  return { fresh, updated, unchanged }
}

function* knownIds(known: ReadonlyMap<string, KnownRow>): Iterable<number> {
  for (const row of known.values()) yield row.id
}

async function recordUpdates(
  tx: Tx,
  run: Run,
  model: Model,
  updated: readonly Row[],
  known: ReadonlyMap<string, KnownRow>,
): Promise<void> {
  const idOf = (row: Row): number => known.get(row.key)?.id ?? 0
  const before = await dataOf(tx, run.tenantId, updated.map(idOf))
  const changes = updated.map((row) => ({
    id: idOf(row),
    patch: changesBetween(before.get(idOf(row)) ?? {}, JSON.parse(row.json) as JsonObject),
  }))
  await recordChanges(tx, run, `run:${run.id}`, changes)
  const returned = updated.filter((row) => known.get(row.key)?.gone).map((row) => row.key)
  if (returned.length > 0) {
    await writeAudit(tx, {
      nodePath: run.nodePath,
      actor: run.actor,
      action: 'resource.returned',
      tenantId: run.tenantId,
      subject: `sync:${run.id}`,
      detail: { model: model.id, keys: returned },
    })
  }
}
