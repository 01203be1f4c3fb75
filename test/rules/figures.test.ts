import { expect, test } from 'vitest'
import { asvs, lines } from '../figures/lines.ts'
import { claimedIds } from '../figures/page.ts'
import { readText } from './source.ts'

const claimed = claimedIds()

test('a test proves lines that there are', () => {
  expect([...claimed].filter((id) => lines[id] === undefined)).toEqual([])
  expect(asvs.flatMap(({ shownBy }) => shownBy).filter((id) => lines[id] === undefined)).toEqual([])
})

// The other way round is for whoever makes the figures anew: that takes its time.
test('what the page of figures says is shown is shown by a test', () => {
  const page = readText('docs/figures.md')
  const rows = [...page.matchAll(/^\| ([A-K]\d+) \|.*\| ([^|]+) \|$/gm)]
  expect(rows.map(([, id]) => id)).toEqual(Object.keys(lines))
  const shown = rows.filter(([, , passed]) => passed === 'yes').map(([, id = '']) => id)
  expect(shown.filter((id) => !claimed.has(id))).toEqual([])
})
