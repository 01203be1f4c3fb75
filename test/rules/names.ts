import type { Expression, ModuleExportName, PropertyKey } from 'oxc-parser'

interface Named {
  type: string
  name?: unknown
}

export function nameOf(node: Named | null | undefined): string | undefined {
  return node?.type === 'Identifier' && typeof node.name === 'string' ? node.name : undefined
}

/** `b` of `a.b` and of `a['b']`; undefined when it is made at run time. */
export function propertyOf(node: { computed: boolean; property: PropertyKey }): string | undefined {
  return keyOf({ computed: node.computed, key: node.property })
}

/** `b` of `{ b: 1 }`, of `{ 'b': 1 }` and of `{ ['b']: 1 }`. */
export function keyOf({ computed, key }: { computed: boolean; key: PropertyKey }) {
  if (!computed && key.type === 'Identifier') return key.name
  return key.type === 'PrivateIdentifier' ? undefined : staticText(key)
}

/** `b` of `import { b }` and of `import { 'b' as c }`. */
export function exportedName(name: ModuleExportName): string {
  return name.type === 'Identifier' ? name.name : name.value
}

/** Without brackets, and without what only the compiler sees. */
export function plain(node: Expression): Expression {
  switch (node.type) {
    case 'ParenthesizedExpression':
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
    case 'TSNonNullExpression':
    case 'ChainExpression':
      return plain(node.expression)
    case 'SequenceExpression': {
      const last = node.expressions.at(-1)
      return last === undefined ? node : plain(last)
    }
    default:
      return node
  }
}

/** The text that stands there, in one piece or put together from such; undefined for any other. */
export function staticText(expression: Expression): string | undefined {
  const node = plain(expression)
  if (node.type === 'Literal') return typeof node.value === 'string' ? node.value : undefined
  if (node.type === 'BinaryExpression' && node.operator === '+') {
    return joined([staticText(node.left), staticText(node.right)])
  }
  if (node.type !== 'TemplateLiteral') return undefined
  const pieces = node.quasis.map(({ value }) => value.cooked ?? undefined)
  return joined(
    pieces.flatMap((piece, at) => [piece, ...node.expressions.slice(at, at + 1).map(staticText)]),
  )
}

function joined(parts: readonly (string | undefined)[]): string | undefined {
  return parts.every((part) => part !== undefined) ? parts.join('') : undefined
}
