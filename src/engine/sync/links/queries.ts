import { sql } from 'kysely'
import type { Model } from '../../../core/model.ts'
import { copyIn, copyRow } from '../../../store/copy.ts'
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

/**
 * At most once in a transaction: the temporary table is emptied by its end, not before. `none`: no
 * such edge is stored, which saves the look for it; should one be, the page is a `conflict`.
 */
export async function addEdges(
  tx: Tx,
  place: { tenantId: number; nodePath: string },
  edges: readonly Edge[],
  none: boolean,
): Promise<void> {
  if (edges.length === 0) return
  await tx.client.query(`create temporary table if not exists incoming_link
    (kind text, from_key text, to_key text) on commit delete rows`)
  await copyIn(
    tx,
    'copy incoming_link (kind, from_key, to_key) from stdin',
    edges.map((edge) => copyRow([edge.kind, edge.from, edge.to])),
  )
  const insert = tx.client.query({
    name: none ? 'add-first-edges' : 'add-edges',
    text: `insert into link (tenant_id, kind, from_key, to_key, node_path)
           select $1, kind, from_key, to_key, $2 from incoming_link
           ${none ? '' : 'on conflict do nothing'}`,
    values: [place.tenantId, place.nodePath],
  })
  await orConflict(insert)
}

export async function dropEdges(tx: Tx, tenantId: number, edges: readonly Edge[]): Promise<void> {
  if (edges.length === 0) return
  await sql`
    delete from link using unnest(${edges.map((edge) => edge.kind)}::text[],
      ${edges.map((edge) => edge.from)}::text[], ${edges.map((edge) => edge.to)}::text[])
      as gone (kind, from_key, to_key)
    where link.tenant_id = ${tenantId} and link.kind = gone.kind
      and link.from_key = gone.from_key and link.to_key = gone.to_key`.execute(tx)
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
