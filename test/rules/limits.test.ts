import { expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { isTest, readSources } from './source.ts'

/** Names of limits that no text uses; a limit nobody asks for bounds nothing. */
function unused(names: readonly string[], texts: readonly string[]): string[] {
  return names.filter((name) => !texts.some((text) => new RegExp(`\\b${name}\\b`).test(text)))
}

test('every limit bounds something', () => {
  const texts = readSources()
    .filter(({ path }) => path.startsWith('src/') && !isTest(path))
    .filter(({ path }) => !/^src\/core\/(\w+L|l)imits\.ts$/.test(path))
    .map(({ text }) => text)
  expect(
    unused(Object.keys(limits), texts),
    'take it out of limits.ts, or bound what it is for',
  ).toEqual([])
})

test('a limit nobody uses is noticed', () => {
  expect(unused(['pageMax', 'page'], ['limits.pageMax'])).toEqual(['page'])
})
