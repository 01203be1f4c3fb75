import type { Model } from '../../../core/model.ts'
import type { Tx } from '../../../store/scope.ts'
import type { Row } from '../../row.ts'
import { addEdges, dropEdges, type Edge, edgesFrom } from './queries.ts'

/**
 * Makes the stored edges of these rows what was read. A kind that was not read stays as it is.
 * `fresh` rows have none stored, so nothing is looked up for them, and with `none` it is the first
 * import, where adding them meets none either. Answers the keys of the known
 * rows whose edges changed.
 */
export async function storeLinks(
  tx: Tx,
  place: { tenantId: number; nodePath: string },
  model: Model,
  rows: { fresh: readonly Row[]; known: readonly Row[]; none?: boolean },
): Promise<Set<string>> {
  const kinds = model.links.map((link) => link.kind)
  const stored = await edgesFrom(
    tx,
    place.tenantId,
    kinds,
    rows.known.map((row) => row.key),
  )
  const wanted = new Map(edgesOf(rows.known).map((edge) => [identity(edge), edge]))
  const present = new Set(stored.map(identity))
  const isRead = readKinds(rows.known)
  const added = [...wanted].flatMap(([id, edge]) => (present.has(id) ? [] : [edge]))
  const dropped = stored.filter(
    (edge) => isRead.has(`${edge.kind} ${edge.from}`) && !wanted.has(identity(edge)),
  )
  await dropEdges(tx, place.tenantId, dropped)
  await addEdges(tx, place, [...edgesOf(rows.fresh), ...added], rows.none === true)
  return new Set([...added, ...dropped].map((edge) => edge.from))
}

function identity(edge: Edge): string {
  return `${edge.kind} ${edge.from} ${edge.to}`
}

function edgesOf(rows: readonly Row[]): Edge[] {
  const edges: Edge[] = []
  for (const { key, links } of rows) {
    for (const kind of Object.keys(links)) {
      for (const to of links[kind] ?? []) edges.push({ kind, from: key, to })
    }
  }
  return edges
}

function readKinds(rows: readonly Row[]): Set<string> {
  const read = new Set<string>()
  for (const row of rows) for (const kind of Object.keys(row.links)) read.add(`${kind} ${row.key}`)
  return read
}
