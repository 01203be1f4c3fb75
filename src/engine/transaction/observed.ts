import { type Change, changesBetween } from '../../core/json.ts'
import type { Model } from '../../core/model.ts'
import type { ReadObject } from '../../core/readObject.ts'
import type { Edge } from '../../core/writing.ts'
import type { Tx } from '../../store/scope.ts'
import { createRowBlock, toRow } from '../row.ts'
import { dropEdgesOf, kindsOf, type LinkKinds } from '../sync/links/queries.ts'
import { storeLinks } from '../sync/links/storeLinks.ts'
import {
  dataOf,
  insertRows,
  type KnownRow,
  knownRows,
  recordChanges,
  updateRows,
} from '../sync/queries.ts'
import { markRemoved } from '../sync/removals/queries.ts'
import { modelNumber, setEdge, type Transaction } from './queries.ts'
import type { Observed } from './step.ts'

interface Place {
  tenantId: number
  modelId: number
  nodePath: string
  /** What the history names as the cause. */
  cause: string
}

/**
 * Puts what steps have seen into our copy, so that lists and histories show a change without a
 * sync. `models`: any of them may have links to what is gone.
 */
export async function storeObserved(
  tx: Tx,
  transaction: Transaction,
  models: readonly Model[],
  observed: readonly Observed[],
): Promise<void> {
  const { tenantId, nodePath, id } = transaction
  for (const [model, seen] of Map.groupBy(observed, (one) => one.model)) {
    const modelId = await modelNumber(tx, model.id)
    const place = { tenantId, modelId, nodePath, cause: `transaction:${id}` }
    const objects = seen.flatMap((one) => ('object' in one ? [one.object] : []))
    if (objects.length > 0) await storeObjects(tx, place, model, objects)
    for (const one of seen) {
      if ('gone' in one) await storeGone(tx, place, kindsOf(model, models), one.gone)
      else if ('edge' in one) await storeEdge(tx, place, one.edge)
    }
  }
}

async function storeObjects(
  tx: Tx,
  place: Place,
  model: Model,
  objects: readonly ReadObject[],
): Promise<void> {
  const block = createRowBlock(objects.length)
  const seen = objects.flatMap((object) => {
    const row = toRow(model, object, block)
    return 'reason' in row ? [] : [{ row, data: object.data }]
  })
  const keys = seen.map(({ row }) => row.key)
  const known = await knownRows(tx, place.tenantId, place.modelId, keys)
  const fresh = seen.filter(({ row }) => !known.has(row.key)).map(({ row }) => row)
  const changed = seen.flatMap((one) => {
    const was = known.get(one.row.key)
    if (was === undefined || (!was.gone && was.hash === one.row.hash)) return []
    return [{ ...one, was }]
  })
  const before = await dataOf(
    tx,
    place.tenantId,
    changed.map(({ was }) => was.id),
  )
  const changes = changed.map(({ data, was: { id, gone } }) => {
    const back = gone ? [{ property: 'deleted', before: true, after: false }] : []
    return { id, patch: [...back, ...changesBetween(before.get(id) ?? {}, data)] }
  })
  await recordChanges(tx, place, place.cause, changes)
  const rows = changed.map(({ row }) => row)
  await insertRows(tx, place, fresh)
  await updateRows(tx, place, rows)
  await storeLinks(tx, place, model, { fresh, known: rows })
}

async function storeGone(tx: Tx, place: Place, kinds: LinkKinds, key: string): Promise<void> {
  const known = await knownRow(tx, place, key)
  if (known === undefined || known.gone) return
  await note(tx, place, known, [{ property: 'deleted', before: false, after: true }])
  await markRemoved(tx, place.tenantId, [known.id])
  await dropEdgesOf(tx, place.tenantId, kinds, [key])
}

/** One edge by itself: others of the same object may be changing at this moment. */
async function storeEdge(tx: Tx, place: Place, edge: Edge): Promise<void> {
  if (!(await setEdge(tx, place, edge))) return
  const known = await knownRow(tx, place, edge.from)
  if (known === undefined) return
  const [before, after] = edge.present ? [null, edge.to] : [edge.to, null]
  await note(tx, place, known, [{ property: edge.kind, before, after }])
}

async function knownRow(tx: Tx, place: Place, key: string): Promise<KnownRow | undefined> {
  return (await knownRows(tx, place.tenantId, place.modelId, [key])).get(key)
}

async function note(tx: Tx, place: Place, { id }: KnownRow, patch: Change[]): Promise<void> {
  await recordChanges(tx, place, place.cause, [{ id, patch }])
}
