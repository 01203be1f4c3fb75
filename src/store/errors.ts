import pg from 'pg'
import { AppError } from '../core/errors.ts'

const unreachableMessage =
  'The database cannot be reached at the moment. What was committed before is safe; try again shortly.'
const collisionMessage =
  'Someone else changed the same at the same moment. Nothing was changed by this attempt; look again and repeat it.'

/** SQLSTATE, or its class of two characters, to what the caller is told. */
const byState: Record<string, { code: 'unavailable' | 'conflict'; message: string }> = {
  '08': { code: 'unavailable', message: unreachableMessage },
  57: { code: 'unavailable', message: unreachableMessage },
  53100: {
    code: 'unavailable',
    message:
      'The database has no disk space left, so nothing was written. Free space on its volume; work then goes on by itself.',
  },
  53: {
    code: 'unavailable',
    message:
      'The database has no connection or memory left for this. Nothing was changed; try again shortly.',
  },
  57014: {
    code: 'unavailable',
    message:
      'The database took too long over this and was stopped. Nothing was changed; try again later.',
  },
  25006: {
    code: 'unavailable',
    message:
      'The database takes no writes at the moment (it is read-only). Nothing was changed; try again later.',
  },
  // The session was ended because its transaction stood still: our process was stopped meanwhile.
  '25P03': { code: 'unavailable', message: unreachableMessage },
  // Only by lock_timeout: whoever holds it may change something else, or nothing at all.
  '55P03': {
    code: 'unavailable',
    message:
      'Other work holds this in the database for longer than a request waits. Nothing was changed; try again shortly.',
  },
  40: { code: 'conflict', message: collisionMessage },
}

const networkCodes = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['ENOTFOUND', 'EAI_AGAIN', 'ENOENT'],
])

// The driver throws plain errors for these and gives them no code.
const driverMessages =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error|Client was closed|Cannot use a pool after)/

/**
 * What the database or the way to it did wrong as an AppError; anything else comes back as it is
 * (a unique violation belongs to the caller, see `isUniqueViolation`).
 */
export function asStoreError(thrown: unknown): unknown {
  // Sealing is deferred to the commit (migration 0010), where no statement of ours is around it. On
  // a connection that seals for the first time it may fail before it runs: `compilation of ...`.
  const sealing = thrown instanceof pg.DatabaseError && thrown.where?.includes('seal_audit')
  return sealing ? auditError(thrown) : (ofDatabase(thrown) ?? thrown)
}

/**
 * Why the audit could not be written. What passes (space, locks, the way to the database) is
 * `unavailable`, and work waits for it. What stays (a missing right or table, an entry the table
 * does not take) is `audit-refused`: work that waited for that would wait for ever, and in silence.
 */
export function auditError(cause: unknown): AppError {
  if (ofDatabase(cause) === undefined) {
    return new AppError(
      'audit-refused',
      'The audit does not take this entry, so nothing was done. It will not by itself: look at the rights and the structure of the table audit in the database.',
      { cause },
    )
  }
  return new AppError(
    'unavailable',
    'The audit could not be written, so nothing was done. Look at the database (space, locks), then try again.',
    { cause },
  )
}

function ofDatabase(thrown: unknown): AppError | undefined {
  if (!(thrown instanceof Error)) return undefined
  if (thrown instanceof pg.DatabaseError) {
    const state = thrown.code ?? ''
    const known = byState[state] ?? byState[state.slice(0, 2)]
    return known && new AppError(known.code, known.message, { cause: thrown })
  }
  const code = 'code' in thrown ? String(thrown.code) : ''
  if (networkCodes.has(code) || driverMessages.test(thrown.message)) {
    return new AppError('unavailable', unreachableMessage, { cause: thrown })
  }
  return undefined
}

/** `constraint` is the name of the constraint or unique index, such as `run_active`. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (!(error instanceof pg.DatabaseError) || error.code !== '23505') return false
  return constraint === undefined || error.constraint === constraint
}
