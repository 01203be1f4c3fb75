import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { coverageProblems, statementIds } from './coverage.ts'
import { readText } from './source.ts'

test('every statement has its state, and what it names exists', () => {
  expect(coverageProblems(parse(readText('docs/coverage.yaml')))).toEqual([])
})

test('there are 344 statements', () => {
  expect(new Set(statementIds).size).toBe(344)
})

test.each([
  ['a statement left out', undefined],
  ['no state', { part: 'portal' }],
  ['two states', { built: 'a thing', planned: 'a thing', part: 'portal' }],
  ['a state that says nothing', { planned: '', part: 'portal' }],
  ['built without a test', { built: 'a thing' }],
  ['built with a test that is not there', { built: 'a thing', test: 'test/rules/none.test.ts' }],
  ['a title that is not there', { built: 'a thing', test: 'test/rules/coverage.test.ts > other' }],
  ['planned nowhere', { planned: 'a thing' }],
  ['planned in a part that is none', { planned: 'a thing', part: 'someday' }],
  ['planned with a test', { planned: 'a thing', part: 'portal', test: 'test/a.test.ts' }],
  ['refused without a record', { refused: 'a thing' }],
  ['a record that is not there', { refused: 'a thing', decision: 'docs/decisions/9999-a.md' }],
])('%s is noticed', (_what, entry) => {
  expect(coverageProblems({ A: entry }, ['A'])).toHaveLength(1)
})

test('an entry that is in order is not', () => {
  const file = 'test/rules/coverage.test.ts'
  const built = { built: 'a thing', test: [file, `${file} > there are 344 statements`] }
  expect(coverageProblems({ A: built }, ['A'])).toEqual([])
  expect(coverageProblems({ A: { planned: 'a thing', part: 'portal' } }, ['A'])).toEqual([])
  expect(coverageProblems({ A: built, B: built }, ['A'])).toHaveLength(1)
})
