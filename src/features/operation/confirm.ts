import { AppError } from '../../core/errors.ts'

/** Throws `confirmation-required`, saying what would happen, unless the name was typed. */
export function requireConfirmation(
  given: string | undefined,
  name: string,
  consequence: string,
): void {
  if (given === name) return
  const how = given === undefined ? '' : ' The name given is another one.'
  throw new AppError(
    'confirmation-required',
    `${consequence} Nothing was done yet; to do it, repeat the request with confirm set to the name.${how}`,
  )
}
