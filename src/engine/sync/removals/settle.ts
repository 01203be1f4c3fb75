import type { JsonObject } from '../../../core/json.ts'
import { limits } from '../../../core/limits.ts'
import type { Model } from '../../../core/model.ts'
import { inParallel } from '../../../core/parallel.ts'
import { readWhole, type Wire } from '../../../core/wire.ts'
import { writeAudit } from '../../../store/audit.ts'
import { inScope, type Tx } from '../../../store/scope.ts'
import { dropEdgesOf, kindsOf } from '../links/queries.ts'
import { commitAs, endlessList, type ModelSync, tellProgress } from '../modelSync.ts'
import { countRemoved, type RunModel, recordChanges } from '../queries.ts'
import { inScopeOf } from '../scope/inScope.ts'
import { leaveScope } from '../scope/leaveScope.ts'
import {
  countRemovals,
  holdRemovals,
  markRemoved,
  nextRemovals,
  type OpenRemoval,
  type Removal,
  settleRemovals,
} from './queries.ts'

/** Removals checked and committed together. */
const chunkSize = 100

/**
 * Decides what became of the objects a model's sync found gone. More than `threshold` are held for
 * a person; the rest is settled. Answers whether removals are held.
 */
export async function settleFound(
  sync: ModelSync,
  state: RunModel,
  threshold: number,
): Promise<boolean> {
  const { engine, run } = sync
  await askForMissing(sync, state, threshold)
  await inScope(engine.db, run.nodePath, async (tx) => {
    await commitAs(tx, run)
    const tooMany = (await countRemovals(tx, run.id, state.modelId, 'due')) > threshold
    if (tooMany) await holdRemovals(tx, run.id, state.modelId)
  })
  return settleOpen(sync, state)
}

/**
 * A list narrowed by the tenant's scope shows neither who is gone nor who moved out of it, and what
 * is stored does not tell them apart where the delta that told of the move was lost. Where more are
 * missing than need no yes, each is asked for, so that those who moved, or are there after all, do
 * not count. One look: whom it does not find counts, and is looked for again before being removed.
 */
async function askForMissing(sync: ModelSync, state: RunModel, threshold: number): Promise<void> {
  const { engine, run, scope } = sync
  if (scope === undefined || !state.listed) return
  const inOurs = <T>(work: (tx: Tx) => Promise<T>) => inScope(engine.db, run.nodePath, work)
  const missing = await inOurs((tx) => countRemovals(tx, run.id, state.modelId, 'due'))
  if (missing <= threshold || missing > limits.missingAskedFirst) return
  let after = 0
  for (;;) {
    const chunk = await inOurs((tx) => nextRemovals(tx, run, state.modelId, chunkSize, after))
    const last = chunk.at(-1)
    if (last === undefined) return
    const { gone, outside } = await confirmGone(
      sync,
      chunk.map((removal) => ({ ...removal, young: false })),
    )
    const there = chunk.filter(({ key }) => !gone.has(key))
    await applyRemovals(sync, state, there, { gone: new Set(), outside })
    after = last.resourceId
  }
}

/**
 * Settles what needs no yes or has it. Answers whether others are held: also those that an attempt
 * held which was cut off before it could say so.
 */
export async function settleOpen(sync: ModelSync, state: RunModel): Promise<boolean> {
  const { engine, run } = sync
  await settle(sync, state)
  const held = await inScope(engine.db, run.nodePath, (tx) =>
    countRemovals(tx, run.id, state.modelId, 'held'),
  )
  return held > 0
}

/**
 * Removes what the service reported removed at once; what was merely absent, or waited for
 * approval, only after a direct read says that it is not there; several where it is young.
 */
async function settle(sync: ModelSync, state: RunModel): Promise<void> {
  const { engine, run } = sync
  for (;;) {
    const chunk = await inScope(engine.db, run.nodePath, (tx) =>
      nextRemovals(tx, run, state.modelId, chunkSize),
    )
    if (chunk.length === 0) return
    await applyRemovals(sync, state, chunk, await confirmGone(sync, chunk))
  }
}

interface Confirmed {
  gone: Set<string>
  /**
   * There after all, but left out by the tenant's scope: a list narrowed by it did not show them.
   */
  outside: Set<string>
}

async function confirmGone(sync: ModelSync, removals: readonly OpenRemoval[]): Promise<Confirmed> {
  const { model, wire, signal } = sync
  const isDoubtful = ({ reason, approved }: OpenRemoval) => reason === 'absent' || approved
  const doubtful = removals.filter(isDoubtful)
  const gone = new Set(removals.filter((one) => !isDoubtful(one)).map(({ key }) => key))
  const outside = new Set<string>()
  if (doubtful.length === 0) return { gone, outside }
  const present =
    model.get === undefined ? await listAll(model, wire, signal) : await readAll(sync, doubtful)
  const isInside = inScopeOf(model, sync.scope)
  for (const { key } of doubtful) {
    const object = present.get(key)
    if (object === undefined) gone.add(key)
    else if (object !== null && !isInside(object)) outside.add(key)
  }
  return { gone, outside }
}

/** What is there, by key; null: there, but not what its model says. */
type Present = Map<string, JsonObject | null>

async function readAll(
  { engine, model, wire, signal }: ModelSync,
  removals: readonly OpenRemoval[],
): Promise<Present> {
  const present: Present = new Map()
  await inParallel(removals, limits.partReadsInFlight, async ({ key, young, approved }) => {
    // List and read may both have been answered by a replica that has not heard of it yet, and no
    // delta would bring it back: it was in one before.
    const looks = young && !approved ? limits.goneLooks : 1
    for (let look = 1; look <= looks; look++) {
      if (look > 1) await engine.clock.sleep(limits.goneLookMs * 2 ** (look - 2), signal)
      const object = await wire.get(model, key, signal)
      if (object === undefined) continue
      present.set(key, object.data)
      return
    }
  })
  return present
}

/** For resources that cannot be read one by one: a second list is the direct read. */
async function listAll(model: Model, wire: Wire, signal: AbortSignal): Promise<Present> {
  const present: Present = new Map()
  let cursor: string | undefined
  for (let pages = 0; pages < limits.syncPagesMax; pages++) {
    const page = await wire.list(model, cursor, signal)
    const { objects, rejected } = readWhole(page)
    for (const { data } of objects) present.set(String(data[model.key]), data)
    for (const { key } of rejected) if (key !== undefined) present.set(key, null)
    cursor = page.next
    if (cursor === undefined) return present
  }
  // Half a list says nothing about what is absent from it.
  throw endlessList(model)
}

async function applyRemovals(
  sync: ModelSync,
  state: RunModel,
  removals: readonly Removal[],
  confirmed: Confirmed,
): Promise<void> {
  const { engine, run, model } = sync
  const kinds = kindsOf(model, await engine.models.current())
  const gone = removals.filter((removal) => confirmed.gone.has(removal.key))
  const present = removals.filter((removal) => !confirmed.gone.has(removal.key))
  const outside = present.filter((removal) => confirmed.outside.has(removal.key))
  const ids = gone.map((removal) => removal.resourceId)
  const keys = gone.map((removal) => removal.key)
  await inScope(engine.db, run.nodePath, async (tx) => {
    await commitAs(tx, run)
    if (gone.length > 0) {
      await writeAudit(tx, {
        nodePath: run.nodePath,
        actor: run.actor,
        action: 'resource.removed',
        tenantId: run.tenantId,
        subject: `sync:${run.id}`,
        detail: { model: model.id, keys },
      })
      const patch = [{ property: '@removed', before: null, after: true }]
      await recordChanges(
        tx,
        run,
        `run:${run.id}`,
        ids.map((id) => ({ id, patch })),
      )
      await markRemoved(tx, run.tenantId, ids)
      await dropEdgesOf(tx, run.tenantId, kinds, keys)
    }
    const leaving = outside.map(({ resourceId, key }) => ({ id: resourceId, key }))
    await leaveScope(tx, run, model, leaving)
    await settleRemovals(tx, run.id, ids, 'done')
    const presentIds = present.map((removal) => removal.resourceId)
    await settleRemovals(tx, run.id, presentIds, 'disproved')
    await countRemoved(tx, run.id, state.modelId, {
      removed: gone.length,
      requests: sync.takeRequests(),
    })
    await tellProgress(tx, run, state, { removed: gone.length })
  })
}
