import { nameOf, propertyOf } from './names.ts'
import { type Finding, finding, isTest, type SourceFile, visit } from './source.ts'

/** Where src may read the environment and the clock of the machine: the composition roots. */
const compositionRoots = 'src/main/'

function isOurCode(path: string): boolean {
  return path.startsWith('src/') && !isTest(path)
}

/** `process.env`, however it is taken apart. */
export function environmentRead(file: SourceFile): Finding[] {
  if (!isOurCode(file.path) || file.path.startsWith(compositionRoots)) return []
  const found: Finding[] = []
  const message = 'reads the environment: only src/main does; take the value as an argument.'
  visit(file, {
    MemberExpression: (node) => {
      if (nameOf(node.object) === 'process' && propertyOf(node) === 'env') {
        found.push(finding(file, node, message))
      }
    },
    VariableDeclarator: (node) => {
      if (node.id.type !== 'ObjectPattern' || nameOf(node.init) !== 'process') return
      const names = node.id.properties.map((property) =>
        property.type === 'Property' ? nameOf(property.key) : undefined,
      )
      if (names.includes('env')) found.push(finding(file, node, message))
    },
    ImportDeclaration: (node) => {
      if (!/^(node:)?process$/.test(node.source.value)) return
      for (const specifier of node.specifiers) {
        const name = specifier.type === 'ImportSpecifier' ? nameOf(specifier.imported) : undefined
        if (name === 'env') found.push(finding(file, specifier, message))
      }
    },
  })
  return found
}

/** The clock and the network of the machine: arguments everywhere but in the composition roots. */
export function ambientRead(file: SourceFile): Finding[] {
  if (!isOurCode(file.path) || file.path.startsWith(compositionRoots)) return []
  const found: Finding[] = []
  visit(file, {
    CallExpression: (node) => {
      const callee = node.callee
      if (callee.type === 'Identifier' && callee.name === 'fetch') {
        found.push(finding(file, node, 'calls the global fetch: use the one of net, passed in.'))
      }
      if (callee.type !== 'MemberExpression') return
      const name = `${nameOf(callee.object)}.${propertyOf(callee)}`
      if (name === 'Date.now' || name === 'performance.now') {
        found.push(finding(file, node, `${name}(): take a Clock as an argument, so tests move it.`))
      }
    },
    NewExpression: (node) => {
      if (nameOf(node.callee) === 'Date' && node.arguments.length === 0) {
        found.push(
          finding(file, node, 'new Date(): take a Clock as an argument, so tests move it.'),
        )
      }
    },
  })
  return found
}

/** `.reveal()` on a sealed secret. The files that may are listed with their reason. */
export function secretsRevealed(file: SourceFile): Finding[] {
  if (!isOurCode(file.path)) return []
  const found: Finding[] = []
  visit(file, {
    MemberExpression: (node) => {
      if (propertyOf(node) !== 'reveal') return
      const message = 'reveals a secret: hand on the Sealed, or list the file in reach.ts with why.'
      found.push(finding(file, node, message))
    },
  })
  return found
}

const queryBuilders = /^(selectFrom|insertInto|updateTable|deleteFrom|mergeInto|executeQuery)$/
const sqlWords = [
  'select\\s.*\\sfrom',
  'insert\\s+into',
  'update\\s+[\\w.]+\\s+set',
  'delete\\s+from',
  '(create|alter|drop)\\s+(table|index|role|schema|policy|view|function)',
  'truncate\\s+\\w+',
  'copy\\s+\\w+\\s+(from|to)',
  'with\\s+\\w+\\s+as\\s*\\(',
  'set\\s+(local|role)',
  'notify\\s+\\w+',
]
const sqlText = new RegExp(`^\\s*(${sqlWords.join('|')})(\\s|\\(|;|$)`, 'is')

/** SQL, as text or built, outside `store/` and files named `queries.ts`. */
export function sqlOutsideStore(file: SourceFile): Finding[] {
  if (!isOurCode(file.path)) return []
  if (file.path.startsWith('src/store/') || file.path.endsWith('/queries.ts')) return []
  const found: Finding[] = []
  const message = 'is SQL: it belongs in src/store or in a file named queries.ts.'
  visit(file, {
    Literal: (node) => {
      if (typeof node.value === 'string' && sqlText.test(node.value)) {
        found.push(finding(file, node, message))
      }
    },
    TemplateLiteral: (node) => {
      const text = node.quasis.map((quasi) => quasi.value.raw).join(' x ')
      if (sqlText.test(text)) found.push(finding(file, node, message))
    },
    CallExpression: (node) => {
      if (
        node.callee.type === 'MemberExpression' &&
        queryBuilders.test(propertyOf(node.callee) ?? '')
      ) {
        found.push(finding(file, node, message))
      }
    },
  })
  return found
}
