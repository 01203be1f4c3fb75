import { AppError } from '../../core/errors.ts'
import { changesBetween } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import { isRejected, type RejectedObject } from '../../core/readObject.ts'
import type { DeltaPage, Page } from '../../core/wire.ts'
import type { ColumnBlock } from '../../store/arrays.ts'
import { writeAudit } from '../../store/audit.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { type Row, toRow } from '../row.ts'
import { storeLinks } from './links/storeLinks.ts'
import { commitAs, type ModelSync, tellProgress } from './modelSync.ts'
import {
  countPage,
  dataOf,
  insertRows,
  type KnownRow,
  knownRows,
  type Run,
  type RunModel,
  recordChanges,
  saveRejected,
  updateRows,
} from './queries.ts'
import { disproveRemovals, reportRemovals } from './removals/queries.ts'
import { applyRule, type Split } from './rules/applyRule.ts'
import { inScopeOf } from './scope/inScope.ts'
import { leaveScope } from './scope/leaveScope.ts'
import { type Shard, savePage } from './shards/queries.ts'

/** A page ready to be stored: its objects as rows by key, the last of each. */
export interface RowPage {
  rows: Map<string, Row>
  /** Holds what the rows are written by. */
  block: ColumnBlock
  /** Keys of objects that the tenant's scope leaves out. */
  outside: string[]
  rejected: RejectedObject[]
  /** Undefined for a list, which knows nothing of removals. */
  removed: string[] | undefined
  next: string | undefined
  resume: string | undefined
}

/** Makes rows of a page's objects; what cannot be a row joins the rejected. */
export function toRowPage(
  { model, scope }: ModelSync,
  page: Page | DeltaPage,
  block: ColumnBlock,
): RowPage {
  const isInside = inScopeOf(model, scope)
  const rows = new Map<string, Row>()
  const outside = new Set<string>()
  const removed = 'removed' in page ? page.removed : undefined
  const resume = 'resume' in page ? page.resume : undefined
  const rejected: RejectedObject[] = []
  for (const object of page.objects) {
    if (isRejected(object)) {
      rejected.push(object)
      continue
    }
    const key = String(object.data[model.key])
    if (!isInside(object.data)) {
      rows.delete(key)
      outside.add(key)
      continue
    }
    outside.delete(key)
    const row = toRow(model, object, block)
    if ('reason' in row) rejected.push({ key: undefined, reason: row.reason })
    else rows.set(row.key, row)
  }
  return { rows, block, outside: [...outside], rejected, removed, next: page.next, resume }
}

/**
 * Commits one page: rows that differ, their edges, what was reported removed, what was rejected,
 * the ids the run has seen, the counts, the event, and `shard`, which says where reading goes on.
 * An object that another page brings at the same moment makes one of the two be stored again.
 */
export async function storePage(
  sync: ModelSync,
  state: RunModel,
  shard: Shard,
  page: RowPage,
): Promise<void> {
  const requests = sync.takeRequests()
  for (let attempt = 1; ; attempt++) {
    try {
      return await commitPage(sync, state, shard, page, requests)
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'conflict') throw error
      if (attempt >= limits.pageStoresMax) throw error
      // The list brought an object twice: from here on each page is looked up.
      sync.nothingStored = false
    }
  }
}

async function commitPage(
  sync: ModelSync,
  state: RunModel,
  shard: Shard,
  page: RowPage,
  requests: number,
): Promise<void> {
  const { engine, run, model } = sync
  const { rows, rejected } = page
  const { modelId } = state
  const place = { tenantId: run.tenantId, modelId, nodePath: run.nodePath, model: model.id }
  await inScope(engine.db, run.nodePath, async (tx) => {
    await commitAs(tx, run)
    const known = sync.nothingStored ? noRows : await lookUp(tx, run, state, page)
    const split = await applyRule(tx, place, splitRows(rows, known), known)
    const inserted = await insertRows(tx, place, split.fresh)
    await update(tx, run, place, split.updated, known)
    const seen = Array.from(known.values(), ({ id }) => id)
    const leaving = page.outside.flatMap((key) => stillIn(known.get(key)))
    await leaveScope(tx, run, model, leaving)
    const relinked = await storeLinks(tx, place, model, {
      fresh: split.fresh,
      none: sync.nothingStored,
      known: [...split.updated, ...split.unchanged],
    })
    if (page.removed !== undefined) {
      await disproveRemovals(tx, run.id, seen)
      await reportRemovals(tx, run, modelId, page.removed)
    }
    await saveRejected(tx, run, modelId, rejected, limits.syncRejectedMax)
    await savePage(tx, run, modelId, shard, [...seen, ...inserted])
    // A group whose members changed is a changed group, though its own row stays as it is.
    const relinkedAlone = split.unchanged.filter((row) => relinked.has(row.key)).length
    const updated = split.updated.length + relinkedAlone
    const unchanged = rows.size - split.fresh.length - updated
    const counts = {
      added: split.fresh.length,
      ...{ updated: updated + leaving.length, unchanged },
      rejected: rejected.length,
      requests,
    }
    const pageSeq = await countPage(tx, run.id, modelId, counts, page.resume)
    await tellProgress(tx, run, { ...state, pageSeq }, counts)
  })
}

const noRows: ReadonlyMap<string, KnownRow> = new Map()

function lookUp(
  tx: Tx,
  run: Run,
  state: RunModel,
  { rows, outside, rejected }: RowPage,
): Promise<Map<string, KnownRow>> {
  const rejectedKeys = rejected.flatMap((one) => (one.key === undefined ? [] : [one.key]))
  const keys = [...rows.keys(), ...outside, ...rejectedKeys]
  return knownRows(tx, run.tenantId, state.modelId, keys)
}

function splitRows(rows: Map<string, Row>, known: ReadonlyMap<string, KnownRow>): Split {
  const fresh: Row[] = []
  const updated: Row[] = []
  const unchanged: Row[] = []
  for (const row of rows.values()) {
    const stored = known.get(row.key)
    if (stored === undefined) fresh.push(row)
    else if (stored.gone || stored.hash !== row.hash) updated.push(row)
    else unchanged.push(row)
  }
  return { fresh, updated, unchanged }
}

function stillIn(known: KnownRow | undefined): KnownRow[] {
  return known === undefined || known.gone ? [] : [known]
}

/** Writes rows that differ, and into their history what it was that differed. */
async function update(
  tx: Tx,
  run: Run,
  place: { tenantId: number; modelId: number; model: string },
  updated: readonly Row[],
  known: ReadonlyMap<string, KnownRow>,
): Promise<void> {
  const ids = updated.flatMap((row) => known.get(row.key)?.id ?? [])
  const before = await dataOf(tx, run.tenantId, ids)
  await updateRows(tx, place, updated)
  const after = await dataOf(tx, run.tenantId, ids)
  const changes = ids.map((id) => ({
    id,
    patch: changesBetween(before.get(id) ?? {}, after.get(id) ?? {}),
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
      detail: { model: place.model, keys: returned },
    })
  }
}
