import { limits } from '../../../core/limits.ts'
import type { Model } from '../../../core/model.ts'
import type { Database } from '../../../store/database.ts'
import { inScope } from '../../../store/scope.ts'
import { colsOf } from '../../columns.ts'
import * as fills from './fill/queries.ts'
import type { Models } from './versions.ts'

/**
 * Gives rows that were stored before a column was declared that column, from what is stored of
 * them; until then lists neither filter nor sort by it. Begins when nobody any more writes by a
 * version without the column, so that once round is enough. `scope` is that of all rows.
 */
export async function fillColumns(
  db: Database,
  models: Models,
  scope: string,
  signal: AbortSignal,
): Promise<void> {
  for (const due of await inScope(db, scope, (tx) => fills.modelsToFill(tx))) {
    const model = await models.version(due.versionId)
    let after = 0
    while (!signal.aborted) {
      const last = await fillBatch(db, scope, due, model, after)
      if (last === undefined) break
      after = last
    }
  }
}

/** Answers the id to go on behind; undefined when all are done or somebody else is at it. */
async function fillBatch(
  db: Database,
  scope: string,
  due: fills.FillDue,
  model: Model,
  after: number,
): Promise<number | undefined> {
  return await inScope(db, scope, async (tx) => {
    if (!(await fills.holdFill(tx, due))) return undefined
    const rows = await fills.rowsToFill(tx, due.modelId, after, limits.fillRows)
    const cols = rows.map(({ id, data }) => ({ id, cols: colsOf(model, data) }))
    await fills.saveCols(tx, cols)
    const last = rows.at(-1)
    if (last !== undefined) return last.id
    await fills.endFill(tx, due.modelId, model.columns)
    return undefined
  })
}
