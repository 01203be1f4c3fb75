import { expect, test } from 'vitest'
import { readText } from '../rules/source.ts'
import { cellsOf } from './page.ts'

test('a cell of the authorisation matrix is an answer, whatever the name of its route', () => {
  const matrix = [
    'route            target   nobody   auditor',
    'node.move        own      401      403',
    'node.move (to)   nowhere  401      404',
    '',
  ].join('\n')
  expect(cellsOf(matrix)).toBe(4)
  const whole = readText('test/contract/authorisation.txt')
  expect(cellsOf(whole)).toBe(whole.match(/ \d{3}(?= |$)/gm)?.length)
})
