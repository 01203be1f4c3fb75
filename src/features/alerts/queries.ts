import { type Selectable, sql } from 'kysely'
import type { JsonObject } from '../../core/json.ts'
import type { EventCursor } from '../../store/events.ts'
import type { Tx } from '../../store/scope.ts'
import type { AlertDeliveryTable, AlertTargetTable } from '../../store/tables/alerts.ts'
import { toJsonb } from '../../store/text.ts'

export type TargetRow = Selectable<AlertTargetTable>

export interface TargetFate extends TargetRow {
  deliveredAt: Date | null
  error: string | null
}

/** With what became of the newest delivery that ended or failed. */
export async function selectTargets(tx: Tx, afterId: number, limit: number): Promise<TargetFate[]> {
  const { rows } = await sql<TargetFate>`
    select target.*, last.error,
      (select max(created_at) from alert_delivery d
        where d.target_id = target.id and d.due_at is null and d.error is null) as "deliveredAt"
      from alert_target target
      left join lateral (select error from alert_delivery d
        where d.target_id = target.id and (d.due_at is null or d.error is not null)
        order by created_at desc limit 1) last on true
     where target.id > ${afterId} order by target.id limit ${limit}`.execute(tx)
  return rows
}

export async function selectTarget(tx: Tx, id: number): Promise<TargetRow | undefined> {
  return await tx.selectFrom('alert_target').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function countTargets(tx: Tx, nodeId: number): Promise<number> {
  const { count } = await tx
    .selectFrom('alert_target')
    .select((where) => where.fn.countAll<number>().as('count'))
    .where('node_id', '=', nodeId)
    .executeTakeFirstOrThrow()
  return count
}

export async function insertTarget(
  tx: Tx,
  target: Pick<TargetRow, 'node_id' | 'node_path' | 'kind' | 'address'>,
): Promise<TargetRow> {
  return await tx.insertInto('alert_target').values(target).returningAll().executeTakeFirstOrThrow()
}

export async function deleteTarget(tx: Tx, id: number): Promise<void> {
  await tx.deleteFrom('alert_target').where('id', '=', id).execute()
}

/** How far events were looked through; locked. Undefined: somebody else is at it. */
export async function takePlace(tx: Tx): Promise<EventCursor | undefined> {
  const { rows } = await sql<EventCursor>`
    select tx::text as tx, id::text as id from alert_place for update skip locked`.execute(tx)
  return rows[0]
}

export async function movePlace(tx: Tx, { tx: at, id }: EventCursor): Promise<void> {
  await sql`update alert_place set tx = ${at}::xid8, id = ${id}::bigint`.execute(tx)
}

export interface AlertEvent {
  cursor: EventCursor
  at: Date
  nodePath: string
  tenantId: number | null
  tenant: string | null
  kind: string
  data: JsonObject
}

/**
 * Events that are alerts, behind a place, oldest first; see `readEvents` for those still open. The
 * list of kinds is that of the index `event_alert`.
 */
export async function selectAlertEvents(
  tx: Tx,
  after: EventCursor,
  limit: number,
): Promise<AlertEvent[]> {
  const { rows } = await sql<Omit<AlertEvent, 'cursor'> & { tx: string; id: string }>`
    select e.tx::text as tx, e.id::text as id, e.at, e.node_path as "nodePath",
      e.tenant_id as "tenantId", t.name as tenant, e.kind, e.data
      from event e left join tenant t on t.id = e.tenant_id
     where e.kind in ('credential.ending', 'credential.ended', 'credential.stepped-in',
         'connection.changed')
       and (e.kind <> 'connection.changed' or e.data ->> 'state' in
         ('credentials-rejected', 'consent-missing', 'blocked', 'unlicensed'))
       and (e.tx, e.id) > (${after.tx}::xid8, ${after.id}::bigint)
       and e.tx < pg_snapshot_xmin(pg_current_snapshot())
     order by e.tx, e.id limit ${limit}`.execute(tx)
  return rows.map(({ tx: at, id, ...event }) => ({ ...event, cursor: { tx: at, id } }))
}

/**
 * One for each target at the node of the event or above it that was there then. What was delivered
 * is not delivered again, also when the place is lost with a restore.
 */
export async function insertDeliveries(
  tx: Tx,
  event: AlertEvent,
  alert: JsonObject,
  dueAt: Date,
): Promise<void> {
  await sql`insert into alert_delivery (target_id, node_path, event_id, alert, due_at)
    select id, node_path, ${event.cursor.id}::bigint, ${toJsonb(alert)}::jsonb, ${dueAt}
      from alert_target
     where starts_with(${event.nodePath}, node_path) and created_at <= ${event.at}
    on conflict (target_id, event_id) do nothing`.execute(tx)
}

export interface DueDelivery {
  id: string
  alert: JsonObject
  attempts: number
  target: TargetRow
}

/** A delivery that tries a target: nobody else takes it before `leaseEnds`. */
export async function insertTrial(
  tx: Tx,
  target: TargetRow,
  alert: JsonObject,
  leaseEnds: Date,
): Promise<DueDelivery> {
  const { id } = await tx
    .insertInto('alert_delivery')
    .values({
      ...{ target_id: target.id, node_path: target.node_path, event_id: null },
      ...{ alert: toJsonb(alert), due_at: leaseEnds, attempts: 1 },
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return { id, alert, attempts: 1, target }
}

/** Takes deliveries that are due, by putting them off until the lease ends, and counts the try. */
export async function takeDeliveries(
  tx: Tx,
  now: Date,
  leaseEnds: Date,
  limit: number,
): Promise<DueDelivery[]> {
  const { rows } = await sql<
    Pick<Selectable<AlertDeliveryTable>, 'id' | 'attempts'> & {
      alert: JsonObject
      target: TargetRow
    }
  >`
    with due as (select id from alert_delivery where due_at <= ${now}
      order by due_at limit ${limit} for update skip locked)
    update alert_delivery d set due_at = ${leaseEnds}, attempts = attempts + 1
      from due, alert_target target where d.id = due.id and target.id = d.target_id
    returning d.id, d.alert, d.attempts, to_jsonb(target) as target`.execute(tx)
  return rows
}

/** `dueAt` null: that was the last try. */
export async function noteDelivery(
  tx: Tx,
  id: string,
  outcome: { dueAt: Date | null; error: string | null },
): Promise<void> {
  await tx
    .updateTable('alert_delivery')
    .set({ due_at: outcome.dueAt, error: outcome.error })
    .where('id', '=', id)
    .execute()
}

export async function deleteDelivered(tx: Tx, before: Date): Promise<void> {
  await tx
    .deleteFrom('alert_delivery')
    .where('due_at', 'is', null)
    .where('created_at', '<', before)
    .execute()
}
