import { AppError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import type { Database } from './database.ts'

/** For readiness: whether the database answers soon. Errors: `unavailable`. */
export async function pingDatabase(db: Database): Promise<void> {
  try {
    const ping = { text: 'select 1', query_timeout: limits.pingMs }
    await db.pool.query(ping)
  } catch (cause) {
    throw new AppError('unavailable', 'The database does not answer.', { cause })
  }
}
