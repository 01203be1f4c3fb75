import { sql } from 'kysely'
import { AppError } from '../../src/core/errors.ts'
import type { Tx } from '../../src/store/scope.ts'

/** Tables whose rows are advanced by jobs. */
export type AdvancedTable = 'run' | 'transaction'

/**
 * Takes a row over: whoever advanced it before is refused from now on. Returns the epoch to give
 * to `checkEpoch`. Errors: `not-found`.
 */
export async function claimEpoch(tx: Tx, table: AdvancedTable, id: number): Promise<number> {
  const { rows } = await sql<{ epoch: number }>`
    update ${sql.table(table)} set epoch = epoch + 1 where id = ${id} returning epoch`.execute(tx)
  const row = rows[0]
  if (row === undefined) throw new AppError('not-found', `There is no ${table} ${id} any more.`)
  return row.epoch
}

/**
 * Locks the row until the commit and compares: the first statement of every transaction in which
 * an advance records what it did. Errors: `fenced` when another advance has claimed the row.
 */
export async function checkEpoch(
  tx: Tx,
  table: AdvancedTable,
  id: number,
  epoch: number,
): Promise<void> {
  const { rows } = await sql<{ epoch: number }>`
    select epoch from ${sql.table(table)} where id = ${id} for update`.execute(tx)
  if (rows[0]?.epoch === epoch) return
  throw new AppError(
    'fenced',
    `Another worker has taken over ${table} ${id}. Nothing of this attempt was recorded; the other goes on from where it stood.`,
  )
}
