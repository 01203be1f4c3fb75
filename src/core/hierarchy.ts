/**
 * The hierarchy: provider > reseller > customer > site, with intermediate nodes between any two.
 * A node's path is the ids of its ancestors and its own, each followed by a dot (`1.4.27.`); it is
 * the scope of every permission and of every row. Ids, never names: a renamed node keeps its rows.
 */
export const nodeKinds = ['provider', 'reseller', 'customer', 'site', 'intermediate'] as const
export type NodeKind = (typeof nodeKinds)[number]

export interface HierarchyNode {
  id: number
  parentId: number | null
  kind: NodeKind
  name: string
  path: string
}

const rank: Record<Exclude<NodeKind, 'intermediate'>, number> = {
  provider: 0,
  reseller: 1,
  customer: 2,
  site: 3,
}

/**
 * Whether a node of `child` kind may stand below nodes whose typed kinds, from the top down, are
 * `ancestors`. Typed kinds must descend in rank; an intermediate node fits anywhere below a
 * provider but holds no kind of its own.
 */
export function mayStandBelow(child: NodeKind, ancestors: readonly NodeKind[]): boolean {
  if (ancestors.length === 0) return child === 'provider'
  if (child === 'intermediate') return !ancestors.includes('site')
  const typed = ancestors.filter((kind) => kind !== 'intermediate')
  const nearest = typed.at(-1)
  return nearest !== undefined && rank[child] > rank[nearest]
}

export function childPath(parentPath: string, id: number): string {
  return `${parentPath}${id}.`
}

/** Whether `path` is `scope` itself or lies below it. */
export function within(path: string, scope: string): boolean {
  return scope !== '' && path.startsWith(scope)
}

/** The deepest path that all of them lie within; empty when there are none. */
export function commonAncestor([first = '', ...others]: readonly string[]): string {
  let path = first
  while (path !== '' && !others.every((other) => within(other, path))) {
    path = path.slice(0, path.lastIndexOf('.', path.length - 2) + 1)
  }
  return path
}

/**
 * The first path behind everything within `scope`. `/` is the character after `.`, so that under
 * collation C `scope <= path < scopeEnd(scope)` is the same question as `within`.
 */
export function scopeEnd(scope: string): string {
  return `${scope.slice(0, -1)}/`
}
