import { expect, test } from 'vitest'
import { compareWrites, requireOnRecord } from './writesOnRecord.ts'

const at = (id: string, ms: number) => ({ id, at: ms })
const first = at('one', 10)
const cut = { cut: true }

test.each([
  ['not on record', [first, at('two', 20)], [first], /not on record.*two/],
  ['on record once, and sent twice', [first, at('one', 20)], [first], /not on record.*one/],
  ['on record behind its sending', [first], [at('one', 12)], /not on record.*one/],
])('I1: what is %s is told, whatever was cut', (_, sent, recorded, words) => {
  expect(() => requireOnRecord(compareWrites(sent, recorded))).toThrow(words)
  expect(() => requireOnRecord(compareWrites(sent, recorded), cut)).toThrow(words)
})

test('I1: what is on record and was not sent is told, where nothing was cut', () => {
  const found = compareWrites([first], [first, at('two', 20)])
  expect(() => requireOnRecord(found)).toThrow(/never sent: two/)
  expect(() => requireOnRecord(found, cut)).not.toThrow()
  expect(() => requireOnRecord(compareWrites([first], [first]))).not.toThrow()
})
