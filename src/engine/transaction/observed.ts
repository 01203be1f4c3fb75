import { changesBetween } from '../../core/json.ts'
import type { Model } from '../../core/model.ts'
import type { ReadObject } from '../../core/wire.ts'
import type { Tx } from '../../store/scope.ts'
import { toRow } from '../row.ts'
import { storeLinks } from '../sync/links/storeLinks.ts'
import { dataOf, insertRows, knownRows, recordChanges, updateRows } from '../sync/queries.ts'
import { modelNumber, type Transaction } from './queries.ts'

/** Puts an object as just read into our copy, so that lists show a change without a sync. */
export async function storeObserved(
  tx: Tx,
  transaction: Transaction,
  observed: { model: Model; object: ReadObject },
): Promise<void> {
  const { model, object } = observed
  const row = toRow(model, object)
  if ('reason' in row) return
  const modelId = await modelNumber(tx, model.id)
  const place = { tenantId: transaction.tenantId, modelId, nodePath: transaction.nodePath }
  const known = (await knownRows(tx, place.tenantId, modelId, [row.key])).get(row.key)
  if (known !== undefined && !known.gone && known.hash === row.hash.toString('hex')) return
  if (known !== undefined) {
    const before = (await dataOf(tx, place.tenantId, [known.id])).get(known.id) ?? {}
    const patch = changesBetween(before, object.data)
    await recordChanges(tx, place, `transaction:${transaction.id}`, [{ id: known.id, patch }])
  }
  if (known === undefined) await insertRows(tx, place, [row])
  else await updateRows(tx, place, [row])
  const rows = known === undefined ? { fresh: [row], known: [] } : { fresh: [], known: [row] }
  await storeLinks(tx, place, model, rows)
}
