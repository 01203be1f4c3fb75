import { expect, it } from 'vitest'
import { csvLine } from '../../src/features/resources/csv.ts'
import { figure } from '../figures/figure.ts'
import { hostileTexts } from '../hostileTexts.ts'

/** RFC 4180 as its page says it, read without our writer. */
function parse(text: string): string[] {
  const cells = [...text.matchAll(/"((?:[^"]|"")*)"(,|\r\n$)/gy)]
  return cells.map(([, cell = '']) => cell.replaceAll('""', '"'))
}

it('F5: 10,000 lines of hostile cells are read as they were written', () => {
  const text = hostileTexts(7)
  let wrong = 0
  for (let line = 0; line < 10_000; line++) {
    const cells = [text(), text(), text()]
    // The apostrophe before what would be a formula is the one thing that is added.
    const wanted = cells.map((cell) => (/^[=+\-@\t\r＝＋－＠]/.test(cell) ? `'${cell}` : cell))
    if (JSON.stringify(parse(csvLine(cells))) !== JSON.stringify(wanted)) wrong += 1
  }
  expect(wrong).toBe(0)
  figure('CSV lines read otherwise', wrong, '= 0')
})
