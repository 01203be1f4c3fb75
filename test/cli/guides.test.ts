import { beforeAll, expect, it } from 'vitest'
import { filesUnder, readText } from '../rules/source.ts'
import { run } from './command.ts'

/** What may be typed behind `patchbay`, as completion tells it: nouns, verbs and their options. */
const options = new Map<string, Set<string>>()

beforeAll(async () => {
  const { out } = await run(['completion', 'fish'])
  for (const line of out.split('\n')) {
    const [, place = '', kind, word = ''] = /-n '([^']+)' -([al]) '?([\w-]+)/.exec(line) ?? []
    const behind = place.replace(/; and not .*/, '').match(/(?<=subcommand_from )[^;]+/g) ?? []
    const [noun = '', verbs = ''] = behind
    const words = kind === 'a' ? [`${noun} ${word}`] : verbs.split(' ').map((v) => `${noun} ${v}`)
    for (const each of words.map((text) => text.trim())) {
      const known = options.get(each) ?? new Set()
      options.set(each, kind === 'l' ? known.add(`--${word}`) : known)
    }
  }
})

interface Shown {
  page: string
  text: string
}

/** The commands a page shows, in blocks and within lines, each on one line. */
function commandsOf(page: string): Shown[] {
  const text = readText(page).replaceAll(/\\\n\s*/g, ' ')
  return [...text.matchAll(/(?<=^|`|\$ |&& )patchbay [a-z][^`\n|&#;>]*/gm)].map(([found]) => ({
    page,
    text: found.trim(),
  }))
}

/**
 * What of a command is not there: undefined for one that may be typed as it stands. Of what has no
 * verbs (`login`, `backup`) completion does not tell all options, so these are not looked at.
 */
function wrongIn({ page, text }: Shown): string | undefined {
  const [, noun = '', verb = ''] = text.split(/\s+/)
  const hasVerbs = [...options.keys()].some((words) => words.startsWith(`${noun} `))
  const known = options.get(hasVerbs && verb !== '' ? `${noun} ${verb}` : noun)
  if (known === undefined) return `${page}: ${text}: there is no such command`
  const flags = hasVerbs ? (text.match(/(?<= )--[a-z-]+/g) ?? []) : []
  const missing = flags.filter((flag) => !known.has(flag))
  return missing.length > 0 ? `${page}: ${text}: takes no ${missing.join(', ')}` : undefined
}

it('every command that a guide shows is there, with its options', () => {
  const pages = filesUnder('docs/guides').filter((path) => path.endsWith('.md'))
  const shown = [...pages, 'README.md'].flatMap(commandsOf)
  expect(shown.length).toBeGreaterThan(50)
  expect(shown.flatMap((each) => wrongIn(each) ?? [])).toEqual([])
})

it.each(['patchbay tenant attach 1', 'patchbay tenants list', 'patchbay tenant add --secret s'])(
  '%s is noticed',
  (text) => {
    expect(wrongIn({ page: 'page', text })).toMatch(/^page: patchbay /)
  },
)
