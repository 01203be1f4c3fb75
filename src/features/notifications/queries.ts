import { type RawBuilder, sql } from 'kysely'
import type { JsonObject } from '../../core/json.ts'
import type { Tx } from '../../store/scope.ts'
import { toJsonb } from '../../store/text.ts'

export interface WatchedModel {
  id: number
  tenantId: number
  nodePath: string
  model: string
  foreignId: string | null
  clientStateHash: Buffer | null
  expiresAt: Date | null
  actAt: Date
  error: JsonObject | null
}

const columns = sql`s.id, s.tenant_id as "tenantId", s.node_path as "nodePath", m.name as model,
  foreign_id as "foreignId", client_state_hash as "clientStateHash", expires_at as "expiresAt",
  act_at as "actAt", error`

export async function findByForeignIds(tx: Tx, ids: readonly string[]): Promise<WatchedModel[]> {
  const { rows } = await sql<WatchedModel>`
    select ${columns} from subscription s join model m on m.id = s.model_id
    where foreign_id = any(${ids}) order by s.id for update of s`.execute(tx)
  return rows
}

export async function selectSubscriptions(
  tx: Tx,
  tenantId: number | undefined,
  after: number,
  limit: number,
): Promise<WatchedModel[]> {
  const { rows } = await sql<WatchedModel>`
    select ${columns} from subscription s join model m on m.id = s.model_id
    where s.id > ${after}
      and (${tenantId ?? null}::bigint is null or s.tenant_id = ${tenantId ?? null})
    order by s.id limit ${limit}`.execute(tx)
  return rows
}

/**
 * Those of the ids that no record of ours has: left at Microsoft by an answer that was lost or by a
 * tenant that was deleted. Not while another record of the same Microsoft tenant is having its own
 * made (taken, and not told how that went): its id is not known here yet. To be asked behind the
 * list that the ids are from, and in the scope of the root.
 */
export async function selectStrays(
  tx: Tx,
  id: number,
  foreignIds: readonly string[],
  now: Date,
): Promise<string[]> {
  const { rows } = await sql<{ foreignId: string }>`
    select stray as "foreignId" from unnest(${foreignIds}::text[]) as stray
    where not exists (select from subscription where foreign_id = stray)
      and not exists (
        select from subscription own
        join tenant mine on mine.id = own.tenant_id
        join tenant same on same.microsoft_tenant_id = mine.microsoft_tenant_id
        join subscription s on s.tenant_id = same.id and s.model_id = own.model_id
        where own.id = ${id} and s.id <> own.id
          and s.foreign_id is null and s.act_at > ${now} and s.error is null)`.execute(tx)
  return rows.map((row) => row.foreignId)
}

/** Whether a tenant wants a model watched: not one that its syncs leave out. */
const wanted = (modelId: RawBuilder<number>) => sql<boolean>`(
  tenant.settings -> 'sync.notifications' is not distinct from 'true'::jsonb
  and not exists (select from sync_rule as rule where rule.tenant_id = tenant.id
    and rule.model_id = ${modelId} and 'read' = any(rule.disabled)))`

/** Rows for what tenants want watched and is not; what they no longer want is looked at now. */
export async function reconcileWanted(tx: Tx, models: readonly string[], now: Date): Promise<void> {
  await sql`
    insert into subscription (tenant_id, model_id, node_path, act_at)
    select tenant.id, m.id, tenant.node_path, ${now} from tenant, model m
    where m.name = any(${models}) and ${wanted(sql`m.id`)}
    on conflict do nothing`.execute(tx)
  await sql`
    update subscription s set act_at = ${now} from tenant
    where tenant.id = s.tenant_id and s.act_at > ${now} and s.error is null
      and not ${wanted(sql`s.model_id`)}`.execute(tx)
}

/** The one due longest, put off to `until`: whoever takes it has until then. */
export async function takeDue(
  tx: Tx,
  now: Date,
  until: Date,
): Promise<(WatchedModel & { wanted: boolean }) | undefined> {
  const { rows } = await sql<WatchedModel & { wanted: boolean }>`
    select ${columns}, ${wanted(sql`s.model_id`)} as wanted
    from subscription s join model m on m.id = s.model_id join tenant on tenant.id = s.tenant_id
    where act_at <= ${now} order by act_at limit 1 for update of s skip locked`.execute(tx)
  const [row] = rows
  if (row !== undefined) await actAt(tx, row.id, until)
  return row
}

export async function actAt(tx: Tx, id: number, at: Date): Promise<void> {
  await sql`update subscription set act_at = ${at} where id = ${id}`.execute(tx)
}

/** It is no longer at Microsoft, and to be made anew. */
export async function forgetForeign(tx: Tx, id: number, at: Date): Promise<void> {
  await sql`
    update subscription set foreign_id = null, client_state_hash = null, expires_at = null,
      act_at = ${at} where id = ${id}`.execute(tx)
}

export async function saveMade(
  tx: Tx,
  id: number,
  made: { foreignId: string; clientStateHash?: Buffer; expiresAt: Date; actAt: Date },
): Promise<void> {
  await sql`
    update subscription set foreign_id = ${made.foreignId}, expires_at = ${made.expiresAt},
      client_state_hash = coalesce(${made.clientStateHash ?? null}, client_state_hash),
      act_at = ${made.actAt}, error = null
    where id = ${id}`.execute(tx)
}

export async function saveError(tx: Tx, id: number, error: JsonObject, at: Date): Promise<void> {
  await sql`
    update subscription set error = ${toJsonb(error)}, act_at = ${at} where id = ${id}`.execute(tx)
}

export async function dropRow(tx: Tx, id: number): Promise<void> {
  await sql`delete from subscription where id = ${id}`.execute(tx)
}
