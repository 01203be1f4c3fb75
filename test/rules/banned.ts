import type { BindingPattern, CallExpression, Expression, VisitorObject } from 'oxc-parser'
import { exportedName, keyOf, nameOf, plain, propertyOf, staticText } from './names.ts'
import { type Finding, finding, isTest, type SourceFile, visit } from './source.ts'

type Add = (node: { start: number }, message: string) => void
type Reasons = ReadonlyMap<string, string>

const code = 'runs text as code; use data.'
const untold = 'whole, or by a name made at run time: write out which member is used.'
const certificates = 'certificates are always verified, and for their host; give the CA instead.'
const shells = 'a shell parses its arguments as code; pass them as a list.'
const execs = 'exec passes text to a shell: import spawn or execFile by name.'

/** What no file of the repository may do, tests included; once for each line and reason. */
export function banned(file: SourceFile): Finding[] {
  const found = new Map<string, Finding>()
  function add(node: { start: number }, message: string): void {
    const one = finding(file, node, message)
    found.set(`${one.line} ${message}`, one)
  }
  const ours = file.path.startsWith('src/') && !isTest(file.path)
  const rules = [names(add), members(add), calls(add, ours), modules(add, ours), settings(add)]
  for (const rule of rules) visit(file, rule)
  return [...found.values()]
}

const bannedNames: Reasons = new Map([
  ['eval', `eval ${code}`],
  ['Function', `Function ${code}`],
  ...['NODE_TLS_REJECT_UNAUTHORIZED', 'checkServerIdentity'].map(
    (name) => [name, `${name}: ${certificates}`] as const,
  ),
])

/** Of whatever object. */
const bannedMembers: Reasons = new Map([
  ...bannedNames,
  ['constructor', `.constructor leads to Function, which ${code}`],
  ['getBuiltinModule', 'getBuiltinModule hides what is imported: import it.'],
  ['mainModule', 'mainModule leads to require, which hides what is imported: import it.'],
  ['_compile', `_compile ${code}`],
])

const guessed = 'Math.random can be guessed: take Random as an argument, or use node:crypto.'
const inside = 'is inside of Node: use what Node offers to programs.'
const ofProcess: Reasons = new Map(
  ['binding', '_linkedBinding', 'dlopen'].map((name) => [name, `process.${name} ${inside}`]),
)
const bannedOf: ReadonlyMap<string, Reasons> = new Map<string, Reasons>([
  ['Math', new Map([['random', guessed]])],
  ['process', ofProcess],
  ['globalThis', new Map()],
  ['global', new Map()],
])

/** Names in whatever place; and Math and globalThis where no member of them is named. */
function names(add: Add): VisitorObject {
  const parts = new Set<number>()
  return {
    MemberExpression: ({ object }) => {
      parts.add(lastStart(object))
    },
    VariableDeclarator: ({ id, init }) => {
      if (id.type === 'ObjectPattern' && init) parts.add(lastStart(init))
    },
    TSTypeReference: ({ typeName }) => {
      if (nameOf(typeName) === 'Function') parts.add(typeName.start)
    },
    Identifier: (node) => {
      const isPart = parts.has(node.start)
      const reason = bannedNames.get(node.name)
      if (reason && !(isPart && node.name === 'Function')) add(node, reason)
      if (/^(Math|globalThis)$/.test(node.name) && !isPart) add(node, `${node.name} ${untold}`)
    },
  }
}

/** Where `c` begins in `a.b.c`. */
function lastStart(of: Expression): number {
  const node = plain(of)
  return node.type === 'MemberExpression' ? node.property.start : node.start
}

/** Members that are read: `a.b`, `a['b']`, `const { b } = a`. */
function members(add: Add): VisitorObject {
  function read(node: { start: number }, of: Expression | undefined, name: string | undefined) {
    const root = of && rootOf(of)
    const table = bannedOf.get(root ?? '')
    const reason = bannedMembers.get(name ?? '') ?? table?.get(name ?? '')
    if (reason) add(node, reason)
    else if (table && name === undefined) add(node, `${root} ${untold}`)
  }
  function takeApart(pattern: BindingPattern, of: Expression | undefined) {
    if (pattern.type !== 'ObjectPattern') return
    for (const part of pattern.properties) {
      read(part, of, part.type === 'Property' ? keyOf(part) : undefined)
    }
  }
  return {
    MemberExpression: (node) => read(node, node.object, propertyOf(node)),
    VariableDeclarator: ({ id, init }) => takeApart(id, init ?? undefined),
    ObjectPattern: (node) => takeApart(node, undefined),
    ImportDeclaration: ({ source, specifiers }) => {
      if (!/^(node:)?process$/.test(source.value)) return
      for (const one of specifiers) {
        const name = one.type === 'ImportSpecifier' ? exportedName(one.imported) : ''
        const reason = bannedMembers.get(name) ?? ofProcess.get(name)
        if (reason) add(one, reason)
      }
    },
  }
}

/** `Math` of `Math` and of `globalThis.Math`. */
function rootOf(of: Expression): string | undefined {
  const node = plain(of)
  if (node.type !== 'MemberExpression') return nameOf(node)
  return /^global(This)?$/.test(rootOf(node.object) ?? '') ? propertyOf(node) : undefined
}

const shell = /^(.*[\\/])?((ba|da|z|fi|k|c|tc)?sh|cmd|powershell|pwsh)(\.exe)?$/i

/** Timers that are given a text, and shells that are started. */
function calls(add: Add, ours: boolean): VisitorObject {
  return {
    CallExpression: (node) => {
      const [first, second] = expressionsOf(node)
      const name = calledBy(node)
      if (first === undefined || name === undefined) return
      if (/^set(Timeout|Interval|Immediate)$/.test(name) && isText(first)) {
        add(node, `${name} of a text ${code}`)
      }
      // Tests try what a shell makes of our own scripts.
      const isStart = ours && second?.type === 'ArrayExpression'
      if (isStart && shell.test(staticText(first) ?? '')) add(node, shells)
    },
  }
}

/** Whether its form says that it is text, whatever that will be. */
function isText(expression: Expression): boolean {
  const node = plain(expression)
  if (node.type === 'BinaryExpression') {
    const sides = [node.left, node.right].filter((side) => side.type !== 'PrivateIdentifier')
    return node.operator === '+' && sides.some(isText)
  }
  return node.type === 'TemplateLiteral' || staticText(node) !== undefined
}

const codeModules = /^(node:)?(vm|repl|inspector(\/promises)?)$/
const childProcess = /^(node:)?child_process$/
const programsByList = /^((spawn|execFile)(Sync)?|fork)$/

/** Modules that run text as code, by every way to name one. */
function modules(add: Add, ours: boolean): VisitorObject {
  function named(node: { start: number }, module: string | undefined) {
    if (codeModules.test(module ?? '')) add(node, `${module} ${code}`)
  }
  function namedWhole(node: { start: number }, module: string | undefined) {
    named(node, module)
    if (childProcess.test(module ?? '')) add(node, execs)
  }
  return {
    ImportDeclaration: (node) => {
      named(node, node.source.value)
      if (node.importKind === 'type' || !childProcess.test(node.source.value)) return
      for (const one of node.specifiers) {
        if (one.type !== 'ImportSpecifier') add(one, execs)
        else if (one.importKind !== 'type' && !programsByList.test(exportedName(one.imported))) {
          add(one, execs)
        }
      }
    },
    ExportNamedDeclaration: (node) => namedWhole(node, node.source?.value),
    ExportAllDeclaration: (node) => namedWhole(node, node.source.value),
    TSExternalModuleReference: (node) => namedWhole(node, node.expression.value),
    ImportExpression: (node) => {
      const module = staticText(node.source)
      if (ours && module === undefined) add(node, `import() ${untold}`)
      namedWhole(node, module)
    },
    CallExpression: (node) => {
      // Whatever createRequire was called here.
      const [first] = expressionsOf(node)
      const isOfObject = plain(node.callee).type === 'MemberExpression'
      if (first === undefined || (isOfObject && calledBy(node) !== 'require')) return
      namedWhole(node, staticText(first))
    },
    Literal: (node) => {
      const text = staticText(node) ?? ''
      if (/^data:(text|application)\/(java|ecma)script\b/.test(text)) add(node, `data: ${code}`)
    },
  }
}

/** Settings, however they are set. */
function settings(add: Add): VisitorObject {
  function set(node: { start: number }, name: string | undefined, value: Expression | undefined) {
    const given = value && plain(value)
    const literal = given?.type === 'Literal' ? given.value : undefined
    const reason = bannedNames.get(name ?? '')
    if (reason) add(node, reason)
    if (name === 'shell' && literal !== false) add(node, `shell: ${shells}`)
    if (name === 'rejectUnauthorized' && literal !== true) add(node, `${name}: ${certificates}`)
  }
  return {
    ObjectExpression: ({ properties }) => {
      for (const one of properties) {
        if (one.type === 'Property') set(one, keyOf(one), one.value)
      }
    },
    AssignmentExpression: ({ left, right }) => {
      if (left.type === 'MemberExpression') set(left, propertyOf(left), right)
    },
    CallExpression: (node) => {
      // Reflect.set(options, 'shell', true), Object.defineProperty(options, 'shell', ...).
      const callee = plain(node.callee)
      const owner = callee.type === 'MemberExpression' ? rootOf(callee.object) : undefined
      const [, name, value] = expressionsOf(node)
      if (name && /^(Reflect|Object)$/.test(owner ?? '')) set(node, staticText(name), value)
    },
  }
}

/** What a call is given, up to where a list is spread. */
function expressionsOf(node: CallExpression): Expression[] {
  const spread = node.arguments.findIndex(({ type }) => type === 'SpreadElement')
  const told = spread < 0 ? node.arguments : node.arguments.slice(0, spread)
  return told.filter((one) => one.type !== 'SpreadElement')
}

/** `f` of `f()`, `a.f()` and `a['f']()`. */
function calledBy(node: CallExpression): string | undefined {
  const callee = plain(node.callee)
  return callee.type === 'MemberExpression' ? propertyOf(callee) : nameOf(callee)
}
