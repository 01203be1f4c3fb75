import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Comment, type Program, parseSync, Visitor, type VisitorObject } from 'oxc-parser'

/** A source file as the rules see it. `path` is relative to the repository, with `/`. */
export interface SourceFile {
  path: string
  text: string
  program: Program
  comments: readonly Comment[]
}

/** Where a rule is broken, and what to do about it. */
export interface Finding {
  path: string
  line: number
  message: string
}

export const root = join(import.meta.dirname, '..', '..')

/** What is not the project's own text: installed, the version control's, made by a run. */
const notOurs = new Set(['node_modules', '.git', '.data', 'coverage'])

/** Every file below `folder`, sorted; both are paths relative to the repository. */
export function filesUnder(folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (notOurs.has(entry.name)) return []
      return entry.isDirectory() ? filesUnder(path) : [path]
    })
    .sort()
}

export function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

export function parse(path: string, text: string): SourceFile {
  const parsed = parseSync(path, text)
  const [error] = parsed.errors
  if (error) throw new Error(`${path} cannot be parsed: ${error.message}`)
  return { path, text, program: parsed.program, comments: parsed.comments }
}

function isCode(path: string): boolean {
  return /\.(ts|js)$/.test(path)
}

export function isTest(path: string): boolean {
  return path.startsWith('test/') || path.endsWith('.test.ts')
}

/** Every TypeScript and JavaScript file of the repository, parsed. */
export function readSources(): SourceFile[] {
  return filesUnder()
    .filter(isCode)
    .map((path) => parse(path, readText(path)))
}

export function visit(file: SourceFile, visitor: VisitorObject): void {
  new Visitor(visitor).visit(file.program)
}

export function lineAt(text: string, offset: number): number {
  let line = 1
  for (let index = text.indexOf('\n'); index !== -1 && index < offset; ) {
    line += 1
    index = text.indexOf('\n', index + 1)
  }
  return line
}

export function finding(file: SourceFile, node: { start: number }, message: string): Finding {
  return { path: file.path, line: lineAt(file.text, node.start), message }
}

/** Findings as lines a person can act on; a passing rule gives an empty list. */
export function report(findings: readonly Finding[]): string[] {
  return findings.map(({ path, line, message }) => `${path}:${line} ${message}`)
}
