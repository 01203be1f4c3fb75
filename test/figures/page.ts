import { fieldsOf, routes } from '../contract/fields.ts'
import { idsIn, titlesOf } from '../mutations/mutations.ts'
import { filesUnder, readText } from '../rules/source.ts'
import { asvs, lines } from './lines.ts'
import type { Proof } from './report.ts'

interface Row {
  id: string
  state: 'passed' | 'failed' | 'not run' | 'not yet'
  tests: number
  proofs: readonly Proof[]
}

/** The page as Markdown: a row for each line of the list, whether it is proven or not. */
export function writePage(
  proofs: readonly Proof[],
  machine: { cores: number; gigabytes: number },
): { text: string; summary: string; failed: boolean } {
  const claimed = claimedIds()
  const rows = Object.keys(lines).map((id) => rowOf(id, proofs, claimed))
  const count = (state: Row['state']) => rows.filter((row) => row.state === state).length
  const states = ['passed', 'failed', 'not run', 'not yet'] as const
  const summary = states.map((state) => `${count(state)} ${state}`).join(', ')
  const seeds = proofs.flatMap(({ name, seed }) =>
    seed === undefined ? [] : [`${seed} (${name})`],
  )
  const text = `# Figures

Made by \`make figures\` from a run of the tests on ${machine.cores} cores with ${machine.gigabytes} GB of memory: nothing
here is typed by hand. Lines: ${summary}. *Not yet*: no test
proves it. *Not run*: one does, and was not in this run. Seeds of what was drawn at random: ${seeds.join(', ') || 'none'}.

| what | figure |
|---|---|
${published(proofs)
  .map(([what, figure]) => `| ${what} | ${figure} |`)
  .join('\n')}

## Line by line

| id | what holds | tests | figure (goal) | passed |
|---|---|---|---|---|
${rows.map(lineOf).join('\n')}

## OWASP ASVS 5.0

Only what tests of the list show; the other requirements were not judged. ${asvs.filter((each) => isMet(each.shownBy, rows)).length} of these ${asvs.length} are met.

| requirement | about | shown by | met |
|---|---|---|---|
${asvs
  .map(({ requirement, what, shownBy }) => {
    const met = isMet(shownBy, rows) ? 'yes' : 'not yet'
    return `| ${requirement} | ${what} | ${shownBy.join(', ')} | ${met} |`
  })
  .join('\n')}

## Promised

Confirmed weaknesses are fixed within 30 days when critical, 60 days when high, and then published.
What is known not to hold yet stands in the [threat model](threat-model.md), promise by promise.
`
  return { text, summary, failed: count('failed') > 0 }
}

function rowOf(id: string, proofs: readonly Proof[], claimed: ReadonlySet<string>): Row {
  const mine = proofs.filter(({ ids, state }) => ids.includes(id) && state !== 'skipped')
  const isFailed = mine.some(({ state }) => state === 'failed')
  const none = claimed.has(id) ? 'not run' : 'not yet'
  const state = mine.length === 0 ? none : isFailed ? 'failed' : 'passed'
  return { id, state, tests: mine.length, proofs: mine }
}

function lineOf({ id, state, tests, proofs }: Row): string {
  const figures = proofs.flatMap((proof) =>
    proof.figures.map(({ figure, value, goal }) => `${figure}: ${value} (${goal})`),
  )
  // Cells of one kind report the same figure many times: the page names it once.
  const told = [...new Set(figures)].slice(0, 6).join('; ').replaceAll('|', '/')
  const passed = { passed: 'yes', failed: '**no**', 'not run': 'not run', 'not yet': 'not yet' }[
    state
  ]
  return `| ${id} | ${lines[id]} | ${tests || '-'} | ${told || '-'} | ${passed} |`
}

function isMet(shownBy: readonly string[], rows: readonly Row[]): boolean {
  return shownBy.every((id) => rows.find((row) => row.id === id)?.state === 'passed')
}

/** The lines that some test says it proves. */
export function claimedIds(): Set<string> {
  const tests = [...filesUnder('test'), ...filesUnder('src')].filter((path) =>
    path.endsWith('.test.ts'),
  )
  return new Set(tests.flatMap((path) => titlesOf(path, readText(path))).flatMap(idsIn))
}

/** What is published with each release. */
function published(proofs: readonly Proof[]): [string, string | number][] {
  const passed = (test: RegExp) =>
    proofs.filter(({ file, state }) => test.test(file) && state === 'passed').length || 'not run'
  const total = (name: RegExp) => {
    const found = proofs.flatMap(({ figures }) => figures).filter(({ figure }) => name.test(figure))
    return found.length === 0 ? 'not run' : found.reduce((sum, { value }) => sum + value, 0)
  }
  const models = filesUnder('models').filter((path) => path.endsWith('.yaml'))
  return [
    [
      'chaos: seconds of trouble, transactions',
      `${total(/^s of trouble/)}, ${total(/^transactions under chaos/)}`,
    ],
    ['chaos: violations', total(/^violations/)],
    ['cells of steps failing, cut off and taken back', passed(/transactionUnwind/)],
    ['cells of the authorisation matrix', cellsOf(readText('test/contract/authorisation.txt'))],
    ['fields that take hostile values', routes.flatMap(fieldsOf).length],
    ['canaries planted, found', `${total(/^canaries planted/)}, ${total(/^canaries found/)}`],
    ['resources under conformance', models.length],
    ['defences with a mutation beside their test', mutations()],
  ]
}

/** Counted by the columns of the first line: names of routes hold blanks. */
export function cellsOf(matrix: string): number {
  const [titles = '', ...lines] = matrix.trimEnd().split('\n')
  return lines.length * (titles.trim().split(/\s+/).length - ['route', 'target'].length)
}

function mutations(): number {
  const lists = [...filesUnder('test'), ...filesUnder('src')].filter((path) =>
    path.endsWith('.mutations.json'),
  )
  return lists.reduce((sum, path) => sum + JSON.parse(readText(path)).length, 0)
}
