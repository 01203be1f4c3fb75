import { sql } from 'kysely'
import type { Tx } from '../../../store/scope.ts'
import type { Run } from '../queries.ts'

/** Part of a list, or a delta: where its next page is. */
export interface Shard {
  shard: number
  /** Of its newest page; 0 when none was read. */
  seq: number
  /** Null: the list's first page. */
  cursor: string | null
}

/** The shard of a delta; those of a list count from 1. */
export const deltaShard = 0

/** Notes where shards begin, in the place of what was read of them before. */
export async function beginShards(
  tx: Tx,
  run: Run,
  modelId: number,
  shards: readonly Shard[],
): Promise<void> {
  await sql`
    insert into sync_page (run_id, model_id, shard, seq, node_path, cursor, ids)
    select ${run.id}, ${modelId}, shard, 0, ${run.nodePath}, cursor, '{}'
    from unnest(${shards.map(({ shard }) => shard)}::smallint[],
      ${shards.map(({ cursor }) => cursor)}::text[]) as begun (shard, cursor)`.execute(tx)
}

/** The shards that are not at their end, of the list or of the delta. */
export async function openShards(
  tx: Tx,
  runId: number,
  modelId: number,
  of: 'list' | 'delta',
): Promise<Shard[]> {
  const { rows } = await sql<Shard>`
    select shard, seq, cursor from (
      select distinct on (shard) shard, seq, cursor from sync_page
      where run_id = ${runId} and model_id = ${modelId}
        and (shard = ${deltaShard}) = ${of === 'delta'}
      order by shard, seq desc
    ) as newest
    where seq = 0 or cursor is not null order by shard`.execute(tx)
  return rows
}

/** Keeps which resources a page showed, and where its shard goes on. */
export async function savePage(
  tx: Tx,
  run: Run,
  modelId: number,
  { shard, seq, cursor }: Shard,
  ids: readonly number[],
): Promise<void> {
  await tx.client.query({
    name: 'save-page',
    text: `insert into sync_page (run_id, model_id, shard, seq, node_path, cursor, ids)
           values ($1, $2, $3, $4, $5, $6, $7)`,
    values: [run.id, modelId, shard, seq, run.nodePath, cursor, ids],
  })
}

export async function forgetPages(tx: Tx, runId: number, modelId: number): Promise<void> {
  await sql`delete from sync_page where run_id = ${runId} and model_id = ${modelId}`.execute(tx)
}
