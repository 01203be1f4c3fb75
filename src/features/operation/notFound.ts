import { AppError } from '../../core/errors.ts'

/** Also for what is there but outside the scope: its existence stays unknown. */
export function notFound(what: string): AppError {
  return new AppError('not-found', `There is no such ${what} within your scope.`)
}
