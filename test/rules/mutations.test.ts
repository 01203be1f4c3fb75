import { expect, test } from 'vitest'
import { mutationLists, problemsOf, readMutations, titlesOf } from '../mutations/mutations.ts'

// That the tests do fail is what `make mutations` shows, which takes its time; here is what would
// make it impossible: a defence that was rewritten, a test that was renamed.
test('each mutation meets its text once, and its test', () => {
  expect(mutationLists().flatMap(readMutations).flatMap(problemsOf)).toEqual([])
})

const mutation = {
  ...{ id: 'J9', file: 'test/rules/mutations.test.ts', replace: 'occurs o' + 'nce', by: '' },
  ...{ list: 'x', test: 'test/rules/mutations.test.ts', fails: 'a mutation that cannot' },
}

test('a mutation that cannot be tried is noticed', () => {
  const without = { ...mutation, id: 'mutations' }
  // occurs once
  expect(problemsOf(without)).toEqual([])
  const wrong = [
    mutation,
    { ...without, file: 'test/rules/none.ts' },
    { ...without, replace: 'expect' },
    { ...without, replace: 'nowhere' + ' at all' },
    { ...without, by: without.replace },
    { ...without, test: 'test/rules/none.test.ts' },
    { ...without, fails: 'no such test' },
  ]
  expect(wrong.map((each) => problemsOf(each).length)).toEqual(wrong.map(() => 1))
})

test('a name that is made later is known by its pattern', () => {
  const test = 'test/store/nonces.test.ts'
  const made = { ...mutation, id: 'E5', test, fails: 'E5: sealed \\d+ times' }
  expect(problemsOf(made)).toEqual([])
})

test('the names of tests are found, behind those of their groups', () => {
  const text = `test('a', () => {})
    describe('b', () => { it.each([1])('c %s', () => {}); it.runIf(x)(\n'd', () => {}) })
    it(\`e\`, () => { other('f', () => {}) })`
  expect(titlesOf('fixture.test.ts', text)).toEqual(['a', 'b c %s', 'b d', 'e'])
})
