import { expect, test } from 'vitest'
import { foreignWords } from './ownWords.ts'
import { filesUnder, readText, report } from './source.ts'

// The data of the catalogue are Microsoft's words.
const texts = filesUnder().filter((path) => !path.startsWith('src/catalogue/data/'))

test('the repository speaks of itself alone', () => {
  const found = texts.flatMap((path) => foreignWords({ path, text: readText(path) }))
  expect(report(found)).toEqual([])
})

test.each([
  ['a home directory', ['', 'home', 'ada', 'patchbay'].join('/')],
  ['a root directory', `const file = '${['', 'root', '.npmrc'].join('/')}'`],
  ['a package host', `https://${['registry', 'npmjs', 'org'].join('.')}/left-pad`],
  ['a resolved address in the lock file', `"resolved"${': "https://x/y.tgz"'}`],
  ['the number of a piece of work', `see ${'issue'} #12`],
  ['how it was written', `written by a sub${'agent'}`],
])('%s is noticed', (_what, text) => {
  expect(report(foreignWords({ path: 'docs/fixture.md', text }))).toHaveLength(1)
})

test('what only looks like it is not', () => {
  const text = `https://learn.microsoft.com/home/page, src/work/, session 1.2, a PowerShell session`
  expect(report(foreignWords({ path: 'docs/fixture.md', text }))).toEqual([])
})
