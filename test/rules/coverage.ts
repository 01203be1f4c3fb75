import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parse, readText, root, visit } from './source.ts'

/** How many statements each of the five documents makes; docs/coverage.yaml names the documents. */
const statementsOf = { S1: 63, S2: 70, S3: 129, S4: 47, S5: 35 }

export const statementIds: readonly string[] = Object.entries(statementsOf).flatMap(
  ([document, count]) =>
    Array.from(
      { length: count },
      (_, index) => `${document}-${String(index + 1).padStart(2, '0')}`,
    ),
)

const states = ['built', 'planned', 'refused']

/** The parts of the plan, in the order in which they are meant to come. */
const parts = [
  'models',
  'powershell',
  'exchange',
  'provisioning',
  'endpoints',
  'onprem',
  'messaging',
  'presence',
  'portal',
]

/** What each state says besides itself: what it must, and what it may. */
const members: Readonly<Record<string, { must: string[]; may: string[] }>> = {
  built: { must: ['test'], may: ['rest', 'decision'] },
  planned: { must: ['part'], may: ['decision'] },
  refused: { must: ['decision'], may: [] },
}

/** What is wrong with the coverage list, one line each, beginning with the statement's id. */
export function coverageProblems(
  coverage: Readonly<Record<string, unknown>>,
  ids: readonly string[] = statementIds,
): string[] {
  const missing = ids.filter((id) => coverage[id] === undefined)
  const extra = Object.keys(coverage).filter((id) => !ids.includes(id))
  return [
    ...missing.map((id) => `${id}: is not in docs/coverage.yaml; say built, planned or refused.`),
    ...extra.map((id) => `${id}: is no statement; take it out.`),
    ...ids.flatMap((id) => entryProblems(coverage[id]).map((problem) => `${id}: ${problem}`)),
  ]
}

function entryProblems(entry: unknown): string[] {
  if (entry === undefined) return []
  if (typeof entry !== 'object' || entry === null) return ['must be { state: what, ... }.']
  const given = new Map(Object.entries(entry))
  const found = states.filter((state) => given.has(state))
  const [state] = found
  const rules = members[state ?? '']
  if (state === undefined || rules === undefined || found.length > 1) {
    return [`must have exactly one of ${states.join(', ')}.`]
  }
  const problems: string[] = []
  const said = given.get(state)
  if (typeof said !== 'string' || said.trim().length < 5) problems.push(`say what is ${state}.`)
  for (const name of rules.must) {
    if (!given.has(name)) problems.push(`${state} needs ${name}.`)
  }
  for (const [name, value] of given) {
    if (name === state) continue
    if (!rules.must.includes(name) && !rules.may.includes(name)) {
      problems.push(`${state} has no ${name}.`)
    } else {
      problems.push(...memberProblems(name, value))
    }
  }
  return problems
}

function memberProblems(name: string, value: unknown): string[] {
  const values = Array.isArray(value) ? value : [value]
  return values.flatMap((one) => {
    if (typeof one !== 'string') return [`${name} must be text.`]
    if (name === 'test') return testProblems(one)
    if (name === 'decision') return decisionProblems(one)
    return parts.includes(one) ? [] : [`${name} must be one of ${parts.join(', ')}, not ${one}.`]
  })
}

function decisionProblems(path: string): string[] {
  if (!/^docs\/decisions\/\d{4}-[a-z0-9-]+\.md$/.test(path))
    return [`${path} is no decision record.`]
  return existsSync(join(root, path)) ? [] : [`${path} does not exist; write the record.`]
}

/** `file` or `file > title`; the title is the one given to test() or it(). */
function testProblems(reference: string): string[] {
  const [path = '', title] = reference.split(/ > (.*)/)
  if (!path.endsWith('.test.ts') || !existsSync(join(root, path))) {
    return [`${path} does not exist; name the test that fails when this breaks.`]
  }
  if (title === undefined || testTitles(path).includes(title)) return []
  return [`${path} has no test named "${title}".`]
}

const titlesRead = new Map<string, string[]>()

function testTitles(path: string): string[] {
  const known = titlesRead.get(path)
  if (known) return known
  const titles: string[] = []
  visit(parse(path, readText(path)), {
    CallExpression: ({ callee, arguments: [first] }) => {
      if (first?.type === 'Literal' && typeof first.value === 'string') titles.push(first.value)
      // The rows of `test.each([['title', ...], ...])('%s', ...)`.
      if (callee.type !== 'MemberExpression' || first?.type !== 'ArrayExpression') return
      for (const row of first.elements) {
        const cell = row?.type === 'ArrayExpression' ? row.elements[0] : row
        if (cell?.type === 'Literal' && typeof cell.value === 'string') titles.push(cell.value)
      }
    },
  })
  titlesRead.set(path, titles)
  return titles
}
