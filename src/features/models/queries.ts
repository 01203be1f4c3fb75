import { sql } from 'kysely'
import { type Author, authorOf } from '../../core/actor.ts'
import type { Tx } from '../../store/scope.ts'
import type { ModelVersionTable } from '../../store/tables/models.ts'
import { toJsonb } from '../../store/text.ts'

/** The model's row, locked: its versions and what is in force change one at a time. */
export interface ModelRow {
  id: number
  activationId: number | null
  /** Of what is in force. */
  versionId: number | null
  activatedBy: Author | null
}

export async function lockModel(tx: Tx, name: string): Promise<ModelRow | undefined> {
  const { rows } = await sql<ModelRow>`
    select m.id, m.activation_id as "activationId", a.version_id as "versionId",
      a.actor as "activatedBy"
    from model m left join model_activation a on a.id = m.activation_id
    where m.name = ${name} for update of m`.execute(tx)
  return rows[0]
}

/** Not `on conflict do nothing` alone, which draws an id each time: a smallint ends soon. */
export async function addModel(tx: Tx, name: string): Promise<void> {
  await sql`
    insert into model (name) select ${name}
    where not exists (select from model where name = ${name}) on conflict do nothing`.execute(tx)
}

export interface VersionRow {
  id: number
  model: string
  number: number
  origin: ModelVersionTable['origin']
  text: string
  actor: Author
  createdAt: Date
  inForce: boolean
}

const versionColumns = sql`v.id, m.name as model, v.number, v.origin, v.text, v.actor,
  v.created_at as "createdAt", v.id is not distinct from a.version_id as "inForce"`
const versionTables = sql`model_version v join model m on m.id = v.model_id
  left join model_activation a on a.id = m.activation_id`

/** Newest first, before a number. Names of models ignore case. */
export async function selectVersions(
  tx: Tx,
  model: string,
  before: number | undefined,
  limit: number,
): Promise<VersionRow[]> {
  const { rows } = await sql<VersionRow>`
    select ${versionColumns} from ${versionTables}
    where lower(m.name) = lower(${model})
      and (${before ?? null}::bigint is null or v.number < ${before ?? null}::bigint)
    order by v.number desc limit ${limit}`.execute(tx)
  return rows
}

export async function selectVersion(
  tx: Tx,
  model: string,
  number: number,
): Promise<VersionRow | undefined> {
  const { rows } = await sql<VersionRow>`
    select ${versionColumns} from ${versionTables}
    where lower(m.name) = lower(${model}) and v.number = ${number}`.execute(tx)
  return rows[0]
}

export async function selectVersionById(tx: Tx, id: number): Promise<VersionRow | undefined> {
  const { rows } = await sql<VersionRow>`
    select ${versionColumns} from ${versionTables} where v.id = ${id}`.execute(tx)
  return rows[0]
}

export async function findByDigest(
  tx: Tx,
  modelId: number,
  digest: Buffer,
): Promise<VersionRow | undefined> {
  const { rows } = await sql<VersionRow>`
    select ${versionColumns} from ${versionTables}
    where v.model_id = ${modelId} and v.digest = ${digest}`.execute(tx)
  return rows[0]
}

export async function countVersions(tx: Tx, modelId: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from model_version where model_id = ${modelId}`.execute(tx)
  return rows[0]?.count ?? 0
}

/** The number is the next of its model, which is locked. */
export async function insertVersion(
  tx: Tx,
  version: {
    modelId: number
    origin: VersionRow['origin']
    text: string
    digest: Buffer
    actor: Author
  },
): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    insert into model_version (model_id, number, origin, text, digest, actor)
    select ${version.modelId}, 1 + coalesce(max(number), 0), ${version.origin}, ${version.text},
      ${version.digest}, ${toJsonb(authorOf(version.actor))}::jsonb
    from model_version where model_id = ${version.modelId}
    returning id`.execute(tx)
  return rows[0]?.id ?? 0
}

/** Brings a version into force. `beforeId` is the activation a rollback of it goes back to. */
export async function insertActivation(
  tx: Tx,
  activation: { modelId: number; versionId: number; beforeId: number | null; actor: Author },
): Promise<void> {
  await sql`
    with added as (
      insert into model_activation (model_id, version_id, before_id, actor)
      values (${activation.modelId}, ${activation.versionId}, ${activation.beforeId},
        ${toJsonb(authorOf(activation.actor))}) returning id
    )
    update model set activation_id = added.id from added where model.id = ${activation.modelId}`.execute(
    tx,
  )
}

/** What was in force before what is now: the activation it displaced. */
export async function activationBefore(
  tx: Tx,
  activationId: number,
): Promise<{ versionId: number; beforeId: number | null } | undefined> {
  const { rows } = await sql<{ versionId: number; beforeId: number | null }>`
    select b.version_id as "versionId", b.before_id as "beforeId"
    from model_activation a join model_activation b on b.id = a.before_id
    where a.id = ${activationId}`.execute(tx)
  return rows[0]
}

export async function selectPlaces(tx: Tx, modelId: number): Promise<Map<string, number>> {
  const { rows } = await sql<{ name: string; place: number }>`
    select name, place from model_column where model_id = ${modelId}`.execute(tx)
  return new Map(rows.map((row) => [row.name, row.place]))
}

/** Gives columns their places; rows stored before do not have them yet unless `filled`. */
export async function placeColumns(
  tx: Tx,
  modelId: number,
  columns: readonly { name: string; place: number }[],
  filled: boolean,
): Promise<void> {
  await sql`
    insert into model_column (model_id, name, place, filled_at)
    select ${modelId}, name, place, ${filled ? sql`now()` : null}
    from unnest(${columns.map((column) => column.name)}::text[],
      ${columns.map((column) => column.place)}::smallint[]) as c (name, place)
    on conflict (model_id, name) do update set filled_at = excluded.filled_at`.execute(tx)
}

/** Whether anything is stored of a model, in any tenant. */
export async function hasRows(tx: Tx, modelId: number): Promise<boolean> {
  const { rows } = await sql`select from resource where model_id = ${modelId} limit 1`.execute(tx)
  return rows.length > 0
}
