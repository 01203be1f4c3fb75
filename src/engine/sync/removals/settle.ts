import { limits } from '../../../core/limits.ts'
import type { Model } from '../../../core/model.ts'
import { inParallel } from '../../../core/parallel.ts'
import type { Wire } from '../../../core/wire.ts'
import { writeAudit } from '../../../store/audit.ts'
import { inScope } from '../../../store/scope.ts'
import { dropEdgesOf, kindsOf } from '../links/queries.ts'
import { commitAs, endlessList, type ModelSync, tellProgress } from '../modelSync.ts'
import { countRemoved, type RunModel, recordChanges } from '../queries.ts'
import {
  countRemovals,
  holdRemovals,
  markRemoved,
  nextRemovals,
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
  const held = await inScope(engine.db, run.nodePath, async (tx) => {
    await commitAs(tx, run)
    const tooMany = (await countRemovals(tx, run.id, state.modelId, 'due')) > threshold
    if (tooMany) await holdRemovals(tx, run.id, state.modelId)
    return tooMany
  })
  await settle(sync, state)
  return held
}

/** Settles what a person approved. Answers whether others are still held. */
export async function settleApproved(sync: ModelSync, state: RunModel): Promise<boolean> {
  const { engine, run } = sync
  await settle(sync, state)
  const held = await inScope(engine.db, run.nodePath, (tx) =>
    countRemovals(tx, run.id, state.modelId, 'held'),
  )
  return held > 0
}

/**
 * Removes what the service reported removed at once; what was merely absent, or waited for
 * approval, only after a direct read says that it is not there.
 */
async function settle(sync: ModelSync, state: RunModel): Promise<void> {
  const { engine, run, model, wire, signal } = sync
  for (;;) {
    const chunk = await inScope(engine.db, run.nodePath, (tx) =>
      nextRemovals(tx, run.id, state.modelId, chunkSize),
    )
    if (chunk.length === 0) return
    const gone = await confirmGone(model, wire, chunk, signal)
    await applyRemovals(sync, state, chunk, gone)
  }
}

async function confirmGone(
  model: Model,
  wire: Wire,
  removals: readonly (Removal & { approved: boolean })[],
  signal: AbortSignal,
): Promise<Set<string>> {
  const gone = new Set<string>()
  const doubtful: string[] = []
  for (const removal of removals) {
    if (removal.reason === 'reported' && !removal.approved) gone.add(removal.key)
    else doubtful.push(removal.key)
  }
  if (doubtful.length === 0) return gone
  const present =
    model.get === undefined
      ? await listedKeys(model, wire, signal)
      : await presentKeys(model, wire, doubtful, signal)
  for (const key of doubtful) if (!present.has(key)) gone.add(key)
  return gone
}

async function presentKeys(
  model: Model,
  wire: Wire,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<Set<string>> {
  const present = new Set<string>()
  await inParallel(keys, limits.partReadsInFlight, async (key) => {
    if ((await wire.get(model, key, signal)) !== undefined) present.add(key)
  })
  return present
}

/** For resources that cannot be read one by one: a second list is the direct read. */
async function listedKeys(model: Model, wire: Wire, signal: AbortSignal): Promise<Set<string>> {
  const keys = new Set<string>()
  let cursor: string | undefined
  for (let pages = 0; pages < limits.syncPagesMax; pages++) {
    const page = await wire.list(model, cursor, signal)
    for (const object of page.objects) keys.add(String(object.data[model.key]))
    for (const one of page.rejected) if (one.key !== undefined) keys.add(one.key)
    cursor = page.next
    if (cursor === undefined) return keys
  }
  // Half a list says nothing about what is absent from it.
  throw endlessList(model)
}

async function applyRemovals(
  sync: ModelSync,
  state: RunModel,
  removals: readonly Removal[],
  goneKeys: ReadonlySet<string>,
): Promise<void> {
  const { engine, run, model } = sync
  const kinds = kindsOf(model, await engine.models.current())
  const gone = removals.filter((removal) => goneKeys.has(removal.key))
  const present = removals.filter((removal) => !goneKeys.has(removal.key))
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
