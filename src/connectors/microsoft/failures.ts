import { AppError } from '../../core/errors.ts'

/**
 * A failed exchange in the words of this connector: that a host could not be reached becomes that
 * Microsoft could not. Everything else keeps its code.
 */
export function microsoftFailure(error: unknown): unknown {
  if (!(error instanceof AppError) || error.code !== 'unavailable') return error
  return new AppError('microsoft-unavailable', error.message, { cause: error })
}
