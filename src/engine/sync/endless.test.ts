import { expect, it } from 'vitest'
import { limits } from '../../core/limits.ts'
import { createPageWatch } from './endless.ts'

const enough = limits.pagesRepeatedMax + 5
const pages = (count: number, keys: (at: number) => string[]) =>
  Array.from({ length: count }, (_, at) => keys(at))

/** Follows pages, each by its keys; answers how many were read when they were called endless. */
function endsAt(all: readonly (readonly string[])[]): number | undefined {
  const watch = createPageWatch()
  const at = all.findIndex((keys, page) => {
    const cursor = page === 0 ? undefined : `${page}`
    return watch(cursor, `${page + 1}`)(keys)
  })
  return at < 0 ? undefined : at + 1
}

it('pages that repeat, in whatever order their objects come, are endless', () => {
  const same = pages(enough, (at) => (at % 2 === 0 ? ['a', 'b'] : ['b', 'a']))
  expect(endsAt(same)).toBe(1 + limits.pagesRepeatedMax)
  expect(endsAt(pages(enough + 7, (at) => [`${at % 7}`]))).toBe(7 + limits.pagesRepeatedMax)
})

it.each([
  ['brings somebody known on every page', pages(enough, (at) => ['a', `new ${at}`])],
  ['brings new ones now and then', pages(4 * enough, (at) => [at % 20 === 0 ? `${at}` : 'a'])],
  ['is empty for long', pages(4 * enough, () => [])],
  ['brings the same as the page before, in part', pages(enough, (at) => [`${at}`, `${at + 1}`])],
])('a list that %s goes on to its end', (_, all) => {
  expect(endsAt(all)).toBeUndefined()
})

it('shards that show the same are not taken for one that repeats', () => {
  const watch = createPageWatch()
  const found = pages(enough, () => ['a']).map((keys, at) => watch(`shard ${at}`, undefined)(keys))
  expect(found).not.toContain(true)
})
