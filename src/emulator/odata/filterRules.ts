import { countsInFilter, type FilterOperator, filterSupport } from '../../catalogue/graphFilter.ts'
import { type GraphRefusal, refuse, unsupportedQuery } from '../graphErrors.ts'
import type { Comparison, FilterNode } from './filterParser.ts'

/** Types whose support for filters is documented property by property. */
const ruled: readonly string[] = ['user', 'group']
const endsWithProperties: readonly string[] = [
  'mail',
  'otherMails',
  'userPrincipalName',
  'proxyAddresses',
]
const plainValuesMax = 15

/** Refuses a filter the service would refuse: unsupported, or only as an advanced query. */
export function checkFilter(type: string, node: FilterNode, advanced: boolean): void {
  if (ruled.includes(type)) check({ type, advanced, collection: '' }, node)
}

interface Scope {
  type: string
  advanced: boolean
  /** `assignedLicenses/any` when inside of one. */
  collection: string
}

function check(scope: Scope, node: FilterNode): void {
  switch (node.op) {
    case 'and':
    case 'or':
      check(scope, node.left)
      check(scope, node.right)
      return
    case 'not':
      if (!scope.advanced) throw needsAdvanced('not')
      check(scope, node.of)
      return
    case 'any':
      if (node.of === undefined) throw unsupported(scope.type, node.path.join('/'))
      check({ ...scope, collection: `${node.path.join('/')}/any` }, node.of)
      return
    case 'in':
      if (!scope.advanced && node.values.length > plainValuesMax) {
        throw unsupportedQuery(
          `Too many child clauses specified in search filter expression containing 'OR' operators: ${node.values.length}. Max allowed: ${plainValuesMax}.`,
        )
      }
      checkProperty(scope, node.path, 'eq', 'in')
      return
    case 'contains':
      throw unsupported(scope.type, node.path.join('/'))
    case 'endsWith':
      if (!scope.advanced) throw needsAdvanced('endsWith')
      if (!endsWithProperties.includes(nameIn(scope, node.path).split('/')[0] ?? '')) {
        throw unsupported(scope.type, node.path.join('/'))
      }
      return
    case 'startsWith':
      checkProperty(scope, node.path, 'startsWith', 'startsWith')
      return
    case 'gt':
    case 'lt':
      throw unsupported(scope.type, node.path.join('/'))
    case 'ge':
    case 'le':
      checkProperty(scope, node.path, 'geLe', node.op)
      return
    default:
      if (node.op === 'ne' && !scope.advanced) throw needsAdvanced('ne')
      if (node.path[node.path.length - 1] === '$count') {
        if (!scope.advanced) throw needsAdvanced('$count')
        checkCount(scope.type, node)
        return
      }
      checkProperty(scope, node.path, node.value === null ? 'eqNull' : 'eq', node.op)
  }
}

/** `otherMails/$count eq 0`: few collections, compared for equality with one or two numbers. */
function checkCount(type: string, node: Extract<FilterNode, { op: Comparison }>): void {
  const property = node.path.slice(0, -1).join('/')
  const known = countsInFilter(type, property).some((number) => number === node.value)
  if (!known) throw unsupported(type, property)
}

function checkProperty(
  scope: Scope,
  path: readonly string[],
  operator: FilterOperator,
  written: string,
): void {
  const name = nameIn(scope, path)
  if (name === 'id') {
    if (operator === 'eq') return
    throw unsupportedQuery("The 'id' property can only be used with eq filter.")
  }
  const support = filterSupport(scope.type, name, operator)
  if (support === undefined) throw unsupported(scope.type, name)
  if (support === 'advanced only' && !scope.advanced) throw needsAdvanced(written)
  if (support === 'default only' && scope.advanced) throw unsupported(scope.type, name)
}

function nameIn(scope: Scope, path: readonly string[]): string {
  if (scope.collection === '') return path.join('/')
  return path.length === 0 ? scope.collection : `${scope.collection}(${path.join('/')})`
}

function needsAdvanced(operator: string): GraphRefusal {
  const known = refuse('advanced operator without header')
  return unsupportedQuery(known.message.replace("'endsWith'", `'${operator}'`))
}

function unsupported(type: string, property: string): GraphRefusal {
  const resource = type.charAt(0).toUpperCase() + type.slice(1)
  return unsupportedQuery(
    `Unsupported or invalid query filter clause specified for property '${property}' of resource '${resource}'.`,
  )
}
