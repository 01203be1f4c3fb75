import { type Change, changesBetween } from '../../core/json.ts'
import type { Model } from '../../core/model.ts'
import type { ReadObject } from '../../core/wire.ts'
import type { Edge } from '../../core/writing.ts'
import type { Tx } from '../../store/scope.ts'
import { toRow } from '../row.ts'
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
 * Puts what a step has seen into our copy, so that lists and histories show a change without a
 * sync. `models`: any of them may have links to what is gone.
 */
export async function storeObserved(
  tx: Tx,
  transaction: Transaction,
  models: readonly Model[],
  observed: Observed,
): Promise<void> {
  const { tenantId, nodePath, id } = transaction
  const modelId = await modelNumber(tx, observed.model.id)
  const place = { tenantId, modelId, nodePath, cause: `transaction:${id}` }
  if ('object' in observed) await storeObject(tx, place, observed.model, observed.object)
  else if ('gone' in observed)
    await storeGone(tx, place, kindsOf(observed.model, models), observed.gone)
  else await storeEdge(tx, place, observed.edge)
}

async function storeObject(tx: Tx, place: Place, model: Model, object: ReadObject): Promise<void> {
  const row = toRow(model, object)
  if ('reason' in row) return
  const known = await knownRow(tx, place, row.key)
  if (known !== undefined && !known.gone && known.hash === row.hash) return
  if (known === undefined) {
    await insertRows(tx, place, [row])
    await storeLinks(tx, place, model, { fresh: [row], known: [] })
    return
  }
  const before = (await dataOf(tx, place.tenantId, [known.id])).get(known.id) ?? {}
  const back = known.gone ? [{ property: 'deleted', before: true, after: false }] : []
  await note(tx, place, known, [...back, ...changesBetween(before, object.data)])
  await updateRows(tx, place, [row])
  await storeLinks(tx, place, model, { fresh: [], known: [row] })
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
