import { AppError } from '../../../core/errors.ts'
import { limits } from '../../../core/limits.ts'
import {
  createGate,
  createSlots,
  type Gate,
  inParallel,
  type Slots,
} from '../../../core/parallel.ts'
import {
  type DeltaPage,
  type Page,
  type ReadObject,
  type RejectedObject,
  readWhole,
} from '../../../core/wire.ts'
import type { CopyBlock } from '../../../store/copy.ts'
import { inScope } from '../../../store/scope.ts'
import { createRowBlock } from '../../row.ts'
import { endlessList, type ModelSync } from '../modelSync.ts'
import type { RunModel } from '../queries.ts'
import { type RowPage, storePage, toRowPage } from '../storePage.ts'
import { openShards, type Shard } from './queries.ts'

interface Reading {
  sync: ModelSync
  state: RunModel
  /** Ends as well when another shard failed. */
  signal: AbortSignal
  readPage: (cursor: string | null, signal: AbortSignal) => Promise<Page | DeltaPage>
  store: Slots
  /** Where pages are from being asked for until they begin to be stored. */
  room: Gate
  /** Blocks that were stored, to be filled again: new ones would be garbage of 1.6 MB a page. */
  blocks: CopyBlock[]
}

/**
 * Reads what is left of a list or a delta, its shards side by side. Answers where the next delta
 * begins, as far as this reading knows.
 *
 * Few pages are stored at once, fewer than are fetched: PostgreSQL has a core or two for it, while
 * most of a fetch is Graph's time. A shard asks for its next page when the one before has begun to
 * be stored, and pages between asking and storing are bounded; so a slow database slows the asking,
 * and memory holds some pages however many shards there are.
 */
export async function readShards(
  sync: ModelSync,
  state: RunModel,
  of: 'list' | 'delta',
): Promise<string | null> {
  const { engine, run } = sync
  const open = await inScope(engine.db, run.nodePath, (tx) =>
    openShards(tx, run.id, state.modelId, of),
  )
  const stop = new AbortController()
  const signal = AbortSignal.any([sync.signal, stop.signal])
  const reading: Reading = {
    ...{ sync, state, signal, readPage: of === 'list' ? listPages(sync) : deltaPages(sync) },
    store: createSlots(limits.pageStoresInFlight),
    room: createGate(limits.pagesAheadMax, signal),
    blocks: [],
  }
  let { deltaCursor } = state
  await inParallel(open, limits.shardsInFlight, async (shard) => {
    try {
      deltaCursor = (await readShard(reading, shard)) ?? deltaCursor
    } catch (error) {
      stop.abort()
      throw error
    }
  })
  return deltaCursor
}

function listPages({ wire, model, scope }: ModelSync): Reading['readPage'] {
  return (cursor, signal) => wire.list(model, cursor ?? undefined, signal, scope)
}

function deltaPages({ wire, model }: ModelSync): Reading['readPage'] {
  return async (cursor, signal) => {
    if (cursor !== null) return wire.delta(model, cursor, signal)
    throw new AppError('internal', `${model.id} has no delta cursor to read from.`)
  }
}

/** Reads page after page to the end; while PostgreSQL stores one, the next is fetched. */
async function readShard(reading: Reading, start: Shard): Promise<string | undefined> {
  const { sync, state } = reading
  const cursors = new Set<string>()
  let shard = start
  let coming = readRows(reading, shard.cursor)
  for (let pages = 0; pages < limits.syncPagesMax; pages++) {
    const page = await coming
    const { next } = page
    if (next !== undefined && cursors.has(next)) throw endlessList(sync.model)
    if (next !== undefined) cursors.add(next)
    shard = { ...shard, seq: shard.seq + 1, cursor: next ?? null }
    await reading.store(async () => {
      reading.room.leave()
      if (next !== undefined) coming = readRows(reading, next)
      // Its failure is met when it is awaited, after this page is safe.
      coming.catch(() => {})
      await storePage(sync, state, shard, page)
    })
    page.block.clear()
    reading.blocks.push(page.block)
    if (next === undefined) return page.resume
  }
  throw endlessList(sync.model)
}

/** A page as rows, with the sub-lists of its objects: members and owners of groups. */
async function readRows(reading: Reading, cursor: string | null): Promise<RowPage> {
  const { sync, signal, readPage } = reading
  const { model } = sync
  await reading.room.enter()
  const page = await readPage(cursor, signal)
  const hasCalls = model.links.some((link) => link.call !== undefined)
  const whole = hasCalls ? { ...page, objects: await withLinks(sync, page, signal) } : page
  return toRowPage(sync, whole, reading.blocks.pop() ?? createRowBlock(page.size))
}

async function withLinks(
  { model, wire }: ModelSync,
  page: Page,
  signal: AbortSignal,
): Promise<(ReadObject | RejectedObject)[]> {
  const { objects, rejected } = readWhole(page)
  const keyOf = ({ data }: ReadObject) => String(data[model.key])
  const links = await wire.links(model, objects.map(keyOf), signal)
  const linked = objects.map((object) => ({
    data: object.data,
    links: { ...object.links, ...links.get(keyOf(object)) },
  }))
  return [...linked, ...rejected]
}
