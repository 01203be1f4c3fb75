import { AppError } from '../../../core/errors.ts'
import { limits } from '../../../core/limits.ts'
import type { Model } from '../../../core/model.ts'
import {
  createGate,
  createSlots,
  type Gate,
  inParallel,
  type Slots,
} from '../../../core/parallel.ts'
import type { ReadObject, RejectedObject } from '../../../core/readObject.ts'
import { type DeltaPage, type Page, readWhole } from '../../../core/wire.ts'
import type { ColumnBlock } from '../../../store/arrays.ts'
import { inScope } from '../../../store/scope.ts'
import { createRowBlock } from '../../row.ts'
import { endlessList, type ModelSync } from '../modelSync.ts'
import type { RunModel } from '../queries.ts'
import { type RowPage, storePage, toRowPage } from '../storePage.ts'
import { openShards, type Shard } from './queries.ts'

interface Reading {
  sync: ModelSync
  state: RunModel
  /** Another shard failed: what was asked for is stored, and nothing more is asked for. */
  stopped: AbortSignal
  readPage: (cursor: string | null, signal: AbortSignal) => Promise<Page | DeltaPage>
  store: Slots
  /** Where pages are from being asked for until they begin to be stored. */
  room: Gate
  /** How many of them may be of one shard. */
  aheadMax: number
  /** Blocks that were stored, to be filled again: new ones would be garbage of 1.6 MB a page. */
  blocks: ColumnBlock[]
}

/**
 * Reads what is left of a list or a delta, its shards side by side. Answers where the next delta
 * begins, as far as this reading knows.
 *
 * Few pages are stored at once, fewer than are fetched: PostgreSQL has a core or two for it, while
 * most of a fetch is Graph's time. A shard asks for its next page when the one before has begun to
 * be stored, and pages between asking and storing are bounded; so a slow database slows the asking,
 * and memory holds some pages however many shards there are. Where objects have lists of their own
 * a page takes seconds, of which the first and last calls leave most of what Graph permits unused:
 * there the next page is asked for as soon as it is known where it is.
 *
 * Where a shard fails the others store what they have asked for before the failure is thrown: the
 * next attempt begins behind what is stored. Thrown away, these pages made a sync that met a fault
 * in every other call ask 2.7 times as often as one without, where 2 is the least.
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
  const stopped = AbortSignal.any([sync.signal, stop.signal])
  const reading: Reading = {
    ...{ sync, state, stopped },
    readPage: of === 'list' ? listPages(sync) : deltaPages(sync),
    aheadMax: hasSublists(sync.model) ? limits.linkedPagesAhead : 1,
    store: createSlots(limits.pageStoresInFlight),
    room: createGate(limits.pagesAheadMax, stopped),
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

/** A page on its way, and the one behind it, which is asked for when there is room. */
interface Coming {
  rows: Promise<RowPage>
  behind: Promise<Coming | undefined>
}

/** Reads page after page to the end; while PostgreSQL stores one, the next is fetched. */
async function readShard(reading: Reading, start: Shard): Promise<string | undefined> {
  const { sync, state } = reading
  const cursors = new Set<string>()
  const ahead = createGate(reading.aheadMax, reading.stopped)
  let shard = start
  let coming: Coming | undefined = ask(reading, ahead, shard.cursor)
  for (let pages = 0; pages < limits.syncPagesMax && coming !== undefined; pages++) {
    const page: RowPage = await coming.rows
    const { next } = page
    if (next !== undefined && cursors.has(next)) throw endlessList(sync.model)
    if (next !== undefined) cursors.add(next)
    shard = { ...shard, seq: shard.seq + 1, cursor: next ?? null }
    await reading.store(async () => {
      reading.room.leave()
      ahead.leave()
      await storePage(sync, state, shard, page)
    })
    page.block.clear()
    reading.blocks.push(page.block)
    if (next === undefined) return page.resume
    coming = await coming.behind
  }
  throw endlessList(sync.model)
}

function ask(reading: Reading, ahead: Gate, cursor: string | null): Coming {
  const listed = listPage(reading, ahead, cursor)
  const rows = listed.then((page) => toRows(reading, page))
  const behind = listed.then(({ next }) =>
    next === undefined ? undefined : ask(reading, ahead, next),
  )
  // Their failure is met when they are awaited, after the pages before are safe.
  for (const promise of [rows, behind]) promise.catch(() => {})
  return { rows, behind }
}

async function listPage(reading: Reading, ahead: Gate, cursor: string | null) {
  const { sync, readPage, room, stopped } = reading
  await ahead.enter()
  await room.enter()
  stopped.throwIfAborted()
  return await readPage(cursor, sync.signal)
}

/** A page as rows, with the sub-lists of its objects: members and owners of groups. */
async function toRows({ sync, blocks }: Reading, page: Page | DeltaPage): Promise<RowPage> {
  const { model } = sync
  const whole = hasSublists(model) ? { ...page, objects: await withLinks(sync, page) } : page
  return toRowPage(sync, whole, blocks.pop() ?? createRowBlock(page.size))
}

function hasSublists({ links }: Model): boolean {
  return links.some(({ call }) => call !== undefined)
}

async function withLinks(
  { model, wire, signal }: ModelSync,
  page: Page,
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
