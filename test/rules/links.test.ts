import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { type Finding, filesUnder, readText, report, root } from './source.ts'

/** Links of a page to files of the repository that are not there. */
function deadLinks({ path, text }: { path: string; text: string }): Finding[] {
  return text.split('\n').flatMap((line, index) =>
    [...line.matchAll(/\]\(([^)#:]+)(#[^)]*)?\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !existsSync(join(root, dirname(path), target)))
      .map((target) => ({
        path,
        line: index + 1,
        message: `leads to ${target}, which is not there.`,
      })),
  )
}

test('links between pages lead somewhere', () => {
  const pages = filesUnder().filter((path) => path.endsWith('.md'))
  expect(report(pages.flatMap((path) => deadLinks({ path, text: readText(path) })))).toEqual([])
})

test('a dead link is noticed, one to elsewhere is not looked at', () => {
  const text =
    '[a](../README.md) [b](none.md) [c](https://example.com/x) [d](#part) [e](none.md#part)'
  expect(report(deadLinks({ path: 'docs/page.md', text }))).toHaveLength(2)
})
