import type { Json } from '../../core/json.ts'

/** A line of CSV as RFC 4180 has it: every cell quoted, lines ended by CR LF. */
export function csvLine(cells: readonly (Json | undefined)[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`
}

/**
 * What spreadsheets take for the beginning of a formula, in the wide forms of East Asian keyboards
 * too (OWASP, CSV injection). Such a cell gets an apostrophe before it, which they show as text.
 */
const formula = /^[=+\-@\t\r＝＋－＠]/

function csvCell(value: Json | undefined): string {
  const text = textOf(value)
  const harmless = formula.test(text) ? `'${text}` : text
  return `"${harmless.replaceAll('"', '""')}"`
}

function textOf(value: Json | undefined): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}
