import type { Filter } from './filter.ts'

/** How one comparison is written, and what it means. */
const operators = {
  '=': 'eq',
  '!=': 'ne',
  '^=': 'startsWith',
  '*=': 'contains',
  '<': 'lt',
  '<=': 'le',
  '>': 'gt',
  '>=': 'ge',
} as const

export const conditionForm = `column=value, with one of ${Object.keys(operators).join(' ')}`

/** One comparison of a filter, its value still the text it was written as. */
export type Condition = Extract<Filter, { property: string; value: unknown }> & { value: string }

/** `department^=Sal` as a comparison; undefined for what is none. */
export function parseCondition(text: string): Condition | undefined {
  const [, property, sign = '', value = ''] =
    /^([A-Za-z][A-Za-z0-9]*)([!^*<>]?=|[<>])(.*)$/s.exec(text) ?? []
  const op = Object.entries(operators).find(([written]) => written === sign)?.[1]
  return property === undefined || op === undefined ? undefined : { op, property, value }
}
