import { expect, it } from 'vitest'
import { csvLine } from './csv.ts'

it.each(['=1+1', '+49 30 1', '-1', '@SUM(A1)', '\t=1', '\r=1', '＝1'])(
  'C3: a cell that a spreadsheet would run becomes text: %j',
  (text) => {
    expect(csvLine([text])).toBe(`"'${text}"\r\n`)
  },
)

it('quotes double, line ends stay inside, nothing is nothing', () => {
  expect(csvLine(['a "b", c', 'one\r\ntwo', null, undefined, true, 7, -7, ['x'], { y: 1 }])).toBe(
    `"a ""b"", c","one\r\ntwo","","","true","7","'-7","[""x""]","{""y"":1}"\r\n`,
  )
})
