import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { filesUnder, parse, readText, root, visit } from '../rules/source.ts'

/** One defence taken out, and the test that has to notice. */
export interface Mutation {
  /** The line it proves, as in the test's name: `G2`. */
  id: string
  /** Where the defence stands, from the root of the repository. */
  file: string
  /** The exact text of the defence; it occurs once in the file. */
  replace: string
  /** What stands there without the defence. */
  by: string
  /** A regular expression that finds the test by its name, groups before it, as written. */
  fails: string
}

/** A mutation as it lies beside the test that notices it: `X.mutations.json` beside `X.test.ts`. */
export interface Listed extends Mutation {
  list: string
  test: string
}

const ending = '.mutations.json'
const members = ['id', 'file', 'replace', 'by', 'fails'] as const

export function mutationLists(): string[] {
  return ['test', 'src'].flatMap(filesUnder).filter((path) => path.endsWith(ending))
}

/** The mutations of a list; throws where it has another form. */
export function readMutations(list: string): Listed[] {
  const found: unknown = JSON.parse(readText(list))
  if (!Array.isArray(found)) throw new Error(`${list} must hold an array.`)
  const test = `${list.slice(0, -ending.length)}.test.ts`
  return found.map((each: unknown, at) => ({ ...asMutation(each, `${list}[${at}]`), list, test }))
}

function asMutation(value: unknown, place: string): Mutation {
  const given: Record<string, unknown> = Object.fromEntries(Object.entries(value ?? {}))
  const textOf = (name: (typeof members)[number]): string => {
    const text = given[name]
    if (typeof text === 'string' && (text !== '' || name === 'by')) return text
    throw new Error(`${place} must have a text "${name}".`)
  }
  const strange = Object.keys(given).filter((name) => !members.some((member) => member === name))
  if (strange.length > 0) throw new Error(`${place} must not have ${strange.join(', ')}.`)
  const [id, file, replace, by, fails] = members.map(textOf)
  return { id: `${id}`, file: `${file}`, replace: `${replace}`, by: `${by}`, fails: `${fails}` }
}

/** What keeps a mutation from being tried; nothing when it can be. */
export function problemsOf(mutation: Listed): string[] {
  const { list, id, file, replace, by, fails, test } = mutation
  const problems: string[] = []
  const add = (text: string) => problems.push(`${list} ${id}: ${text}`)
  const text = existsSync(join(root, file)) ? readText(file) : undefined
  const times = text === undefined ? 0 : text.split(replace).length - 1
  if (text === undefined) add(`there is no ${file}.`)
  else if (times !== 1) add(`the text to replace occurs ${times} times in ${file}, not once.`)
  if (replace === by) add('changes nothing.')
  if (!existsSync(join(root, test))) add(`there is no ${test}.`)
  else if (!titlesOf(test, readText(test)).some((title) => claims(title, id, fails))) {
    add(`${test} has no test with ${id} in its name that /${fails}/ finds.`)
  }
  return problems
}

/** Whether the pattern of a mutation means a test; ` > ` may stand between groups. */
export function finds(fails: string, title: string): boolean {
  return new RegExp(fails.replaceAll(' > ', ' ')).test(title)
}

/** What stands for a value in a name that is made when the tests are gathered. */
const placeholder = /\$\{[^}]*\}|%[sdifjoO]|\$[\w.]+/g

/**
 * Whether a name as written may come to read as the pattern wants. The value that it holds is not
 * known here: a number will do, or that the pattern has a long piece of what stands around it.
 */
function mayRead(title: string, fails: string): boolean {
  if (finds(fails, title) || finds(fails, title.replaceAll(placeholder, '7'))) return true
  const pieces = title.split(placeholder)
  return pieces.length > 1 && pieces.some((piece) => piece.length >= 12 && fails.includes(piece))
}

/** Ids of the list are a letter and a number; a mutation of something else names it in words. */
function claims(title: string, id: string, fails: string): boolean {
  return mayRead(title, fails) && (!/^[A-K]\d+$/.test(id) || idsIn(title).includes(id))
}

/** `D1, D2: ...` and `group E4 (smaller): ...` claim D1 and D2, and E4. */
export function idsIn(title: string): string[] {
  const heads = title.match(/(?:^|\s)([A-K]\d+(?:, [A-K]\d+)*)(?: \([^)]*\))?:/g) ?? []
  return heads.flatMap((head) => head.replace(/\(.*/, '').match(/[A-K]\d+/g) ?? [])
}

interface Called {
  type: string
  name?: unknown
  object?: unknown
  callee?: unknown
  tag?: unknown
}

/** The names of a test file's tests, each behind those of its groups, placeholders as written. */
export function titlesOf(path: string, text: string): string[] {
  const groups: string[] = []
  const titles: string[] = []
  const file = parse(path, text)
  visit(file, {
    CallExpression: (node) => {
      const kind = rootName(node.callee)
      const [first] = node.arguments
      if (kind === undefined || first === undefined) return
      const title = file.text.slice(first.start + 1, first.end - 1)
      if (!/^['"`]/.test(file.text.slice(first.start))) return
      if (kind === 'describe') groups.push(title)
      else titles.push([...groups, title].join(' '))
    },
    'CallExpression:exit': (node) => {
      const [first] = node.arguments
      if (rootName(node.callee) !== 'describe' || first === undefined) return
      if (/^['"`]/.test(file.text.slice(first.start))) groups.pop()
    },
  })
  return titles
}

/** `it` of `it.each([...])` and of `it.runIf(true)`. */
function rootName(callee: unknown): string | undefined {
  let node = asCalled(callee)
  for (let depth = 0; depth < 6 && node !== undefined; depth++) {
    if (node.type === 'Identifier') {
      return /^(describe|it|test)$/.test(`${node.name}`) ? `${node.name}` : undefined
    }
    node = asCalled(node.object ?? node.callee ?? node.tag)
  }
  return undefined
}

function asCalled(value: unknown): Called | undefined {
  return typeof value === 'object' && value !== null && 'type' in value
    ? { ...value, type: `${value.type}` }
    : undefined
}
