import { type Exception, exceptions } from './reach.ts'
import type { Finding } from './source.ts'

/**
 * Findings without those that are listed exceptions, and with one for each exception that is not
 * used (or, where it is counted, not exactly as often as listed): the list can only shrink by
 * itself, never grow.
 */
export function withoutExceptions(
  rule: Exception['rule'],
  findings: readonly Finding[],
  listed: readonly Exception[] = exceptions,
): Finding[] {
  const ofRule = listed.filter((exception) => exception.rule === rule)
  const left = findings.filter(({ path }) => !ofRule.some(({ file }) => file === path))
  for (const { file, count } of ofRule) {
    const used = findings.filter(({ path }) => path === file).length
    if (count === undefined ? used > 0 : used === count) continue
    const message =
      count === undefined
        ? `needs its exception for '${rule}' no longer: take it out of test/rules/reach.ts.`
        : `has ${used} of '${rule}' where test/rules/reach.ts lists ${count}: remove the new one, or change the number with its reason.`
    left.push({ path: file, line: 1, message })
  }
  return left
}
