import type { Static } from 'typebox'
import type { Allowed } from '../contract/allowed.ts'
import type { Cell } from './print.ts'

/** What may be done in one line, and a line with the reason for each operation that may not. */
export function allowedRows(allowed: Static<typeof Allowed>): (readonly [string, Cell])[] {
  const all = Object.entries(allowed)
  const may = all.filter(([, answer]) => answer.allowed).map(([operation]) => operation)
  const reasons = all.flatMap(([operation, { reason }]) =>
    reason === null ? [] : [[`  ${operation}`, reason] as const],
  )
  return [['you may', may.join(', ') || 'nothing'], ...reasons]
}
