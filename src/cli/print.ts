import type { Cli, CommonFlags } from './cli.ts'
import { escapeJson, escapeText } from './escape.ts'

export type Cell = string | number | boolean | null | undefined

/** The API's answer as it came with `--json`, otherwise the text made of it. */
export function print(cli: Cli, flags: CommonFlags, answer: unknown, text: () => string): void {
  const json = () => `${escapeJson(JSON.stringify(answer, null, 2))}\n`
  cli.terminal.out(flags.json ? json() : text())
}

/** A page of a list as a table; that there is more is said beside it, not in it. */
export function printPage<T>(
  cli: Cli,
  flags: CommonFlags,
  page: { items: readonly T[]; next: string | null },
  head: readonly string[],
  row: (item: T) => readonly Cell[],
): void {
  print(cli, flags, page, () => table(head, page.items.map(row)))
  if (page.items.length === 0 && !flags.json) cli.terminal.err('none\n')
  if (page.next !== null) {
    cli.terminal.err(`there is more: repeat with --after ${escapeText(page.next)}\n`)
  }
}

/** Columns as wide as their widest cell; figures to the right. Nothing for no rows. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return ''
  const lines = [head, ...rows.map((row) => row.map(cellText))]
  const widths = head.map((_title, at) => Math.max(...lines.map((line) => width(line[at] ?? ''))))
  const figures = head.map((_title, at) =>
    rows.every((row) => typeof row[at] === 'number' || row[at] == null),
  )
  return lines.map((line) => `${lineOf(line, widths, figures)}\n`).join('')
}

function lineOf(cells: readonly string[], widths: number[], figures: boolean[]): string {
  const padded = cells.map((cell, at) => {
    const gap = ' '.repeat((widths[at] ?? 0) - width(cell))
    return figures[at] ? gap + cell : cell + gap
  })
  return padded.join('  ').trimEnd()
}

/** Names and values below each other. */
export function fields(rows: readonly (readonly [string, Cell])[]): string {
  const wide = Math.max(...rows.map(([name]) => width(name)))
  return rows
    .map(([name, value]) => `${name.padEnd(wide)}  ${cellText(value)}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('')
}

function cellText(value: Cell): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return escapeText(String(value))
}

/** Any value of an object on one line, for a cell: not escaped yet. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Columns on a screen: wide East Asian characters take two, marks that combine none. */
function width(text: string): number {
  let columns = 0
  for (const character of text) {
    if (/\p{M}/u.test(character)) continue
    columns +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(
        character,
      )
        ? 2
        : 1
  }
  return columns
}
