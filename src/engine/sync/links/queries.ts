import { sql } from 'kysely'
import type { Model } from '../../../core/model.ts'
import { textArray } from '../../../store/arrays.ts'
import type { Tx } from '../../../store/scope.ts'
import { orConflict } from '../queries.ts'

export interface Edge {
  kind: string
  from: string
  to: string
}

export async function edgesFrom(
  tx: Tx,
  tenantId: number,
  kinds: readonly string[],
  keys: readonly string[],
): Promise<Edge[]> {
  if (kinds.length === 0 || keys.length === 0) return []
  const { rows } = await tx.client.query<Edge>({
    name: 'edges-from',
    // One look-up per kind and key, spelled out, as for `knownRows`: `offset 0` keeps them apart.
    text: `select edge.* from unnest($2::text[]) as wanted_kind (kind)
           cross join unnest($3::text[]) as wanted (key)
           cross join lateral (
             select kind, from_key as "from", to_key as "to" from link
             where tenant_id = $1 and kind = wanted_kind.kind and from_key = wanted.key offset 0
           ) as edge`,
    values: [tenantId, kinds, keys],
  })
  return rows
}

/** `none`: no such edge is stored, which saves the look for it; one that is, is a `conflict`. */
export async function addEdges(
  tx: Tx,
  place: { tenantId: number; nodePath: string },
  edges: readonly Edge[],
  none: boolean,
): Promise<void> {
  if (edges.length === 0) return
  const insert = tx.client.query({
    name: none ? 'add-first-edges' : 'add-edges',
    text: `insert into link (tenant_id, kind, from_key, to_key, node_path)
           select $1, kind, from_key, to_key, $2
           from unnest($3::text[], $4::text[], $5::text[]) as edge (kind, from_key, to_key)
           ${none ? '' : 'on conflict do nothing'}`,
    values: [place.tenantId, place.nodePath, ...columnsOf(edges)],
  })
  await orConflict(insert)
}

export async function dropEdges(tx: Tx, tenantId: number, edges: readonly Edge[]): Promise<void> {
  if (edges.length === 0) return
  const [kinds, from, to] = columnsOf(edges)
  await sql`
    delete from link using unnest(${kinds}::text[], ${from}::text[], ${to}::text[])
      as gone (kind, from_key, to_key)
    where link.tenant_id = ${tenantId} and link.kind = gone.kind
      and link.from_key = gone.from_key and link.to_key = gone.to_key`.execute(tx)
}

function columnsOf(edges: readonly Edge[]): Buffer[] {
  const columns = [({ kind }: Edge) => kind, ({ from }: Edge) => from, ({ to }: Edge) => to]
  return columns.map((column) => textArray(edges.map(column)))
}

/** The kinds of edges that begin and that may end at objects of a model. */
export interface LinkKinds {
  from: readonly string[]
  to: readonly string[]
}

/**
 * Not all kinds there are: a team has the key of its group, and a deleted person that of the person
 * who is there again; one of the two being gone says nothing of the other's edges.
 */
export function kindsOf(model: Model, models: readonly Model[]): LinkKinds {
  const leadingHere = models.flatMap(({ links }) => links.filter(({ to }) => to.includes(model.id)))
  return { from: model.links.map(({ kind }) => kind), to: leadingHere.map(({ kind }) => kind) }
}

/** Every edge from and to objects that are gone. Kinds lead the indexes, so they are named. */
export async function dropEdgesOf(
  tx: Tx,
  tenantId: number,
  kinds: LinkKinds,
  keys: readonly string[],
): Promise<void> {
  await sql`
    delete from link
    where tenant_id = ${tenantId} and kind = any(${kinds.from}) and from_key = any(${keys})`.execute(
    tx,
  )
  await sql`
    delete from link
    where tenant_id = ${tenantId} and kind = any(${kinds.to}) and to_key = any(${keys})`.execute(tx)
}
