import { expect, test } from 'vitest'
import { withoutExceptions } from './exceptions.ts'

const at = (path: string) => ({ path, line: 3, message: 'casts' })
const listed = [
  { rule: 'cast', file: 'src/a.ts', count: 1, why: 'a fixture' },
  { rule: 'reveal', file: 'src/b.ts', why: 'a fixture' },
] as const

test('a listed exception is passed over, another file and another count are not', () => {
  expect(withoutExceptions('cast', [at('src/a.ts')], listed)).toEqual([])
  expect(withoutExceptions('cast', [at('src/a.ts'), at('src/c.ts')], listed)).toHaveLength(1)
  expect(withoutExceptions('cast', [at('src/a.ts'), at('src/a.ts')], listed)).toHaveLength(1)
})

test('an exception nobody needs is noticed', () => {
  expect(withoutExceptions('reveal', [], listed)).toHaveLength(1)
  expect(withoutExceptions('cast', [], listed)).toHaveLength(1)
})
