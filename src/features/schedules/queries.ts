import { sql } from 'kysely'
import { type Author, authorOf } from '../../core/actor.ts'
import type { Tx } from '../../store/scope.ts'
import { toJsonb } from '../../store/text.ts'

export interface ScheduleRow {
  id: number
  tenantId: number
  nodePath: string
  name: string
  models: string[]
  fullList: boolean
  everyMinutes: number | null
  cron: string | null
  timeZone: string
  actor: Author
  pausedWhy: string | null
  dueAt: Date | null
  lastDueAt: Date | null
  lastRunId: number | null
  createdAt: Date
}

export type ScheduleChange = Pick<
  ScheduleRow,
  | 'name'
  | 'models'
  | 'fullList'
  | 'everyMinutes'
  | 'cron'
  | 'timeZone'
  | 'actor'
  | 'pausedWhy'
  | 'dueAt'
>

const columns = sql`id, tenant_id as "tenantId", node_path as "nodePath", name, models,
  full_list as "fullList", every_minutes as "everyMinutes", cron, time_zone as "timeZone", actor,
  paused_why as "pausedWhy", due_at as "dueAt", last_due_at as "lastDueAt",
  last_run_id as "lastRunId", created_at as "createdAt"`

export async function selectSchedule(
  tx: Tx,
  id: number,
  lock = false,
): Promise<ScheduleRow | undefined> {
  const { rows } = await sql<ScheduleRow>`
    select ${columns} from schedule where id = ${id} ${lock ? sql`for update` : sql``}`.execute(tx)
  return rows[0]
}

/** Oldest first, behind an id. */
export async function selectSchedules(
  tx: Tx,
  tenantId: number | undefined,
  after: number,
  limit: number,
): Promise<ScheduleRow[]> {
  const { rows } = await sql<ScheduleRow>`
    select ${columns} from schedule
    where id > ${after} and (${tenantId ?? null}::bigint is null or tenant_id = ${tenantId ?? null})
    order by id limit ${limit}`.execute(tx)
  return rows
}

export async function countSchedules(tx: Tx, tenantId: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from schedule where tenant_id = ${tenantId}`.execute(tx)
  return rows[0]?.count ?? 0
}

export async function insertSchedule(
  tx: Tx,
  place: { tenantId: number; nodePath: string },
  schedule: ScheduleChange,
): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    insert into schedule (tenant_id, node_path, name, models, full_list, every_minutes, cron,
      time_zone, actor, due_at)
    values (${place.tenantId}, ${place.nodePath}, ${schedule.name}, ${schedule.models},
      ${schedule.fullList}, ${schedule.everyMinutes}, ${schedule.cron}, ${schedule.timeZone},
      ${toJsonb(authorOf(schedule.actor))}, ${schedule.dueAt})
    returning id`.execute(tx)
  return rows[0]?.id ?? 0
}

export async function updateSchedule(tx: Tx, id: number, schedule: ScheduleChange): Promise<void> {
  await sql`
    update schedule set name = ${schedule.name}, models = ${schedule.models},
      full_list = ${schedule.fullList}, every_minutes = ${schedule.everyMinutes},
      cron = ${schedule.cron}, time_zone = ${schedule.timeZone},
      actor = ${toJsonb(authorOf(schedule.actor))}, paused_why = ${schedule.pausedWhy},
      due_at = ${schedule.dueAt}
    where id = ${id}`.execute(tx)
}

export async function deleteSchedule(tx: Tx, id: number): Promise<void> {
  await sql`delete from schedule where id = ${id}`.execute(tx)
}

/** The one due longest of those that no other worker holds, locked. */
export async function takeDueSchedule(tx: Tx, now: Date): Promise<ScheduleRow | undefined> {
  const { rows } = await sql<ScheduleRow>`
    select ${columns} from schedule where due_at <= ${now}
    order by due_at limit 1 for update skip locked`.execute(tx)
  return rows[0]
}

/** `runId`: null where there was nothing to sync. */
export async function moveOn(
  tx: Tx,
  id: number,
  to: { dueAt: Date; lastDueAt: Date; runId: number | null },
): Promise<void> {
  await sql`
    update schedule set due_at = ${to.dueAt}, last_due_at = ${to.lastDueAt},
      last_run_id = coalesce(${to.runId}, last_run_id) where id = ${id}`.execute(tx)
}

export async function postpone(tx: Tx, id: number, to: Date): Promise<void> {
  await sql`update schedule set due_at = ${to} where id = ${id} and due_at is not null`.execute(tx)
}

export async function pauseSchedule(tx: Tx, id: number, why: string): Promise<void> {
  await sql`
    update schedule set paused_why = ${why}, due_at = null where id = ${id}`.execute(tx)
}

export interface RuleRow {
  model: string
  disabled: string[]
}

export async function selectRules(tx: Tx, tenantId: number): Promise<RuleRow[]> {
  const { rows } = await sql<RuleRow>`
    select m.name as model, disabled from sync_rule join model m on m.id = model_id
    where tenant_id = ${tenantId} order by m.name`.execute(tx)
  return rows
}

/**
 * What was left undone is not told again by the next delta: the model's next sync reads the full
 * list, and until then it is not taken to be known in full.
 */
export async function saveRule(
  tx: Tx,
  place: { tenantId: number; nodePath: string },
  model: string,
  disabled: readonly string[],
): Promise<void> {
  const number = sql`(select id from model where name = ${model})`
  await sql`
    delete from sync_rule where tenant_id = ${place.tenantId} and model_id = ${number}`.execute(tx)
  if (disabled.length > 0) {
    await sql`
      insert into sync_rule (tenant_id, model_id, node_path, disabled)
      values (${place.tenantId}, ${number}, ${place.nodePath}, ${disabled})`.execute(tx)
  }
  await sql`
    update sync_state set delta_cursor = null, listed_at = null
    where tenant_id = ${place.tenantId} and model_id = ${number}`.execute(tx)
}
