import { sql } from 'kysely'
import type { JsonObject } from '../../../../core/json.ts'
import type { Tx } from '../../../../store/scope.ts'
import { toJsonb } from '../../../../store/text.ts'

export interface FillDue {
  modelId: number
  activationId: number
  versionId: number
}

/** Not while a sync or a change that began before is still writing by another version. */
export async function modelsToFill(tx: Tx): Promise<FillDue[]> {
  const { rows } = await sql<FillDue>`
    select m.id as "modelId", a.id as "activationId", a.version_id as "versionId"
    from model m join model_activation a on a.id = m.activation_id
    where exists (select from model_column c where c.model_id = m.id and c.filled_at is null)
      and not exists (select from run r join run_model rm on rm.run_id = r.id
        where r.state in ('queued', 'running') and rm.model_id = m.id
          and rm.version_id is distinct from a.version_id)
      and not exists (select from transaction t
        where t.state in ('running', 'undoing') and t.started_at < a.at)`.execute(tx)
  return rows
}

/** For this commit alone, and only while the version is still in force. */
export async function holdFill(tx: Tx, due: FillDue): Promise<boolean> {
  const { rows } = await sql<{ held: boolean }>`
    select pg_try_advisory_xact_lock(hashtext('patchbay fill'), id) as held from model
    where id = ${due.modelId} and activation_id = ${due.activationId}`.execute(tx)
  return rows[0]?.held === true
}

/** Locked, so that no sync changes an object between what is read and what is written of it. */
export async function rowsToFill(
  tx: Tx,
  modelId: number,
  after: number,
  limit: number,
): Promise<{ id: number; data: JsonObject }[]> {
  const { rows } = await sql<{ id: number; data: JsonObject }>`
    with held as materialized (
      select id, tenant_id from resource where model_id = ${modelId} and id > ${after}
      order by id limit ${limit} for update)
    select held.id, d.data from held
    join resource_data d on d.tenant_id = held.tenant_id and d.id = held.id
    order by held.id`.execute(tx)
  return rows
}

export async function saveCols(
  tx: Tx,
  rows: readonly { id: number; cols: string[] }[],
): Promise<void> {
  if (rows.length === 0) return
  await sql`
    update resource set cols = filled.cols
    from (select id, array(select jsonb_array_elements_text(cols)) as cols
      from jsonb_to_recordset(${toJsonb([...rows])}::jsonb) as given (id bigint, cols jsonb)) filled
    where resource.id = filled.id and resource.cols is distinct from filled.cols`.execute(tx)
}

export async function endFill(tx: Tx, modelId: number, columns: readonly string[]): Promise<void> {
  await sql`
    update model_column set filled_at = now()
    where model_id = ${modelId} and name = any(${columns}) and filled_at is null`.execute(tx)
}
