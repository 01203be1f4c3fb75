import { basename } from 'node:path'
import { type Finding, finding, isTest, lineAt, type SourceFile, visit } from './source.ts'

const fileLinesMax = 400
const functionLinesMax = 70
const columnsMax = 100

/** A file that is too long. */
export function longFile({ path, text }: { path: string; text: string }): Finding[] {
  const lines = linesOf(text).length
  if (lines <= fileLinesMax) return []
  const message = `has ${lines} lines of at most ${fileLinesMax}: two things live in one room.`
  return [{ path, line: fileLinesMax + 1, message }]
}

/**
 * Lines that are too long, of a text and of a source file. In source the longest text literal of a
 * line does not count: the formatter cannot break it, and a sentence for a person stays in one
 * piece, so that whoever sees it finds its place by searching for it.
 */
export function longLines({ path, text }: { path: string; text: string }, file?: SourceFile) {
  const literals = file === undefined ? new Map<number, number>() : literalColumns(file)
  return linesOf(text).flatMap((line, index): Finding[] => {
    const columns = [...line].length
    const counted = columns - (literals.get(index + 1) ?? 0)
    if (counted <= columnsMax || unbreakable.test(line)) return []
    const message = `has ${columns} columns of at most ${columnsMax}: break the line.`
    return [{ path, line: index + 1, message }]
  })
}

/** An address at the end of a comment, and what biome reads from one line only. */
const unbreakable = /\shttps:\S+$|^\s*(\/\/|\/\*) biome-ignore /

function linesOf(text: string): string[] {
  return text.replace(/\n$/, '').split('\n')
}

/** Per line of the file, the columns of its longest text literal. */
function literalColumns(file: SourceFile): Map<number, number> {
  const longest = new Map<number, number>()
  function measure(node: { start: number; end: number }) {
    const first = lineAt(file.text, node.start)
    for (const [index, piece] of file.text.slice(node.start, node.end).split('\n').entries()) {
      longest.set(first + index, Math.max(longest.get(first + index) ?? 0, [...piece].length))
    }
  }
  visit(file, { Literal: measure, TemplateLiteral: measure })
  return longest
}

/** Functions longer than a screen. In tests a `describe` groups and may be longer. */
export function longFunctions(file: SourceFile): Finding[] {
  const found: Finding[] = []
  const groups = new Set<number>()
  function measure(node: { start: number; end: number }) {
    const lines = lineAt(file.text, node.end) - lineAt(file.text, node.start) + 1
    if (lines <= functionLinesMax || groups.has(node.start)) return
    const message = `is a function of ${lines} lines of at most ${functionLinesMax}: name a part of it.`
    found.push(finding(file, node, message))
  }
  visit(file, {
    CallExpression: (node) => {
      if (!isTest(file.path)) return
      const { callee } = node
      if (callee.type === 'Identifier' && callee.name === 'describe') {
        for (const argument of node.arguments) groups.add(argument.start)
      }
    },
    FunctionDeclaration: measure,
    FunctionExpression: measure,
    ArrowFunctionExpression: measure,
  })
  return found
}

/** `any`, `!`, default exports, enums of the wrong kind: what types and names must not be. */
export function looseTypes(file: SourceFile): Finding[] {
  const found: Finding[] = []
  const add = (node: { start: number }, message: string) => found.push(finding(file, node, message))
  visit(file, {
    TSAnyKeyword: (node) => add(node, 'any switches the compiler off: say unknown and look.'),
    TSNonNullExpression: (node) => add(node, 'the ! asserts without looking: check, and throw.'),
    ExportDefaultDeclaration: (node) => {
      // The tool looks for the default export of its configuration.
      if (file.path === 'vitest.config.ts') return
      add(node, 'a default export has a name of its own in every importer: export it by name.')
    },
  })
  return found
}

/** `as` and `<T>x`. `as const` only narrows; tests and measurements may shape what they read. */
export function casts(file: SourceFile): Finding[] {
  if (isTest(file.path) || file.path.startsWith('bench/')) return []
  const found: Finding[] = []
  const message =
    'casts: check the value instead, or list the file in test/rules/reach.ts with why.'
  visit(file, {
    TSAsExpression: (node) => {
      const { typeAnnotation: type } = node
      const isConst =
        type.type === 'TSTypeReference' &&
        type.typeName.type === 'Identifier' &&
        type.typeName.name === 'const'
      // `x as unknown as T` is one decision, not two.
      const isHalf = type.type === 'TSUnknownKeyword'
      if (!isConst && !isHalf) found.push(finding(file, node, message))
    },
    TSTypeAssertion: (node) => {
      found.push(finding(file, node, message))
    },
  })
  return found
}

const suppression = /@ts-(ignore|nocheck|expect-error)|biome-ignore|(v8|istanbul|c8) ignore/

/** Comments that silence a tool: each says why, in the words behind its colon. */
export function silencedWithoutReason(file: SourceFile): Finding[] {
  return file.comments.flatMap((comment) => {
    const kind = suppression.exec(comment.value)?.[0]
    if (kind === undefined || !comment.value.trim().startsWith(kind)) return []
    if (kind === '@ts-ignore' || kind === '@ts-nocheck') {
      const message = `${kind} hides errors nobody foresaw: use @ts-expect-error with its reason.`
      return [finding(file, comment, message)]
    }
    const reason = comment.value.trim().replace(/^\S+(\s+\S+?:|:)?/, '')
    if (reason.trim().split(/\s+/).length >= 3 && !reason.includes('<explanation>')) return []
    return [finding(file, comment, `${kind} needs its reason: say in a few words why it is right.`)]
  })
}

/** TypeScript files are lower camel: `tenantFields.ts`, `tenantFields.test.ts`. */
export function oddNames(paths: readonly string[]): Finding[] {
  return paths
    .filter((path) => /^(src|test|bench|bin)\/.*\.(ts|js)$/.test(path))
    .filter((path) => !/^[a-z][a-zA-Z0-9]*(\.test)?\.(ts|js)$/.test(basename(path)))
    .map((path) => ({ path, line: 1, message: 'name the file in lower camel, by what it holds.' }))
}
