import type { Static } from 'typebox'
import type { RouteInput } from '../../contract/route.ts'
import type { Schedule, scheduleRoutes } from '../../contract/schedules.ts'
import { type Actor, type Operation, requirePermission, scopesOf } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import type { Models } from '../../engine/models/versions/versions.ts'
import { isUniqueViolation } from '../../store/errors.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { listById } from '../operation/listById.ts'
import { notFound } from '../operation/notFound.ts'
import type { PageOf, PageQuery } from '../operation/paging.ts'
import { record } from '../operation/record.ts'
import { showTime } from '../operation/show.ts'
import type { Store } from '../operation/store.ts'
import { chooseModels, syncType } from '../syncs/queueSync.ts'
import { permittedTenantPath } from '../tenants/access.ts'
import * as queries from './queries.ts'
import { nextTime, readWhen } from './times.ts'

const type = 'data/Schedule'

export interface ScheduleDependencies {
  store: Pick<Store, 'db' | 'clock'>
  models: Models
}

export type ScheduleAnswer = Static<typeof Schedule>
type CreateBody = RouteInput<typeof scheduleRoutes.create>['body']
type UpdateBody = RouteInput<typeof scheduleRoutes.update>['body']

/** Whose schedule it is needs the right to sync: now, and again each time it is due. */
export async function createSchedule(
  actor: Actor,
  { store, models }: ScheduleDependencies,
  tenantId: number,
  body: CreateBody,
): Promise<ScheduleAnswer> {
  const when = readWhen(body)
  const now = store.clock.now()
  const schedule = {
    ...{ name: body.name.trim(), fullList: body.fullList ?? false, ...when, actor },
    models: namedModels(await models.current(), body.models),
    pausedWhy: null,
    dueAt: new Date(nextTime(when, now, now)),
  }
  return nameOnce(() =>
    inScope(store.db, scopesOf(actor), async (tx) => {
      const nodePath = await permittedTenantPath(tx, actor, 'Create', type, tenantId, 'share')
      requirePermission(actor, 'Execute', syncType, nodePath)
      if ((await queries.countSchedules(tx, tenantId)) >= limits.schedulesPerTenant) {
        const most = `This tenant has ${limits.schedulesPerTenant} schedules, which is the most.`
        throw new AppError('conflict', `${most} Nothing was made; change or remove one of them.`)
      }
      const detail = describe(schedule)
      const subject = `tenant:${tenantId}`
      await record(tx, actor, { nodePath, tenantId, action: 'schedule.create', subject, detail })
      return showOne(tx, await queries.insertSchedule(tx, { tenantId, nodePath }, schedule))
    }),
  )
}

/** Absent stays. Whoever changes a schedule is who it acts as from then on. */
export async function updateSchedule(
  actor: Actor,
  { store, models }: ScheduleDependencies,
  id: number,
  body: UpdateBody,
): Promise<ScheduleAnswer> {
  const inForce = await models.current()
  return nameOnce(() =>
    change(actor, store, id, 'schedule.update', (row, now) => {
      const timed = body.everyMinutes !== undefined || body.cron !== undefined
      const when = readWhen({
        timeZone: body.timeZone ?? row.timeZone,
        ...(timed ? { everyMinutes: body.everyMinutes, cron: body.cron } : wasDue(row)),
      })
      const dueAt = row.dueAt && new Date(nextTime(when, now, now))
      return {
        ...{ ...row, ...when, dueAt, actor },
        name: body.name?.trim() ?? row.name,
        fullList: body.fullList ?? row.fullList,
        models: body.models === undefined ? row.models : namedModels(inForce, body.models),
      }
    }),
  )
}

function wasDue({ everyMinutes, cron }: queries.ScheduleRow) {
  return { everyMinutes, cron }
}

export async function pauseSchedule(
  actor: Actor,
  { store }: ScheduleDependencies,
  id: number,
): Promise<ScheduleAnswer> {
  return change(actor, store, id, 'schedule.pause', (row) => ({
    ...row,
    ...{ dueAt: null, pausedWhy: row.pausedWhy ?? `Paused by ${actor.name}.` },
  }))
}

/** Goes on at its next time; what was missed while it rested is not made up for. */
export async function resumeSchedule(
  actor: Actor,
  { store }: ScheduleDependencies,
  id: number,
): Promise<ScheduleAnswer> {
  return change(actor, store, id, 'schedule.resume', (row, now) => {
    if (row.dueAt !== null) return row
    const dueAt = new Date(nextTime(readWhen(row), now, now))
    return { ...row, dueAt, actor, pausedWhy: null }
  })
}

async function change(
  actor: Actor,
  store: ScheduleDependencies['store'],
  id: number,
  action: string,
  change: (row: queries.ScheduleRow, now: number) => queries.ScheduleChange,
): Promise<ScheduleAnswer> {
  return inScope(store.db, scopesOf(actor), async (tx) => {
    const row = await permitted(tx, actor, 'Update', id)
    const changed = change(row, store.clock.now())
    if (changed.dueAt !== null) requirePermission(actor, 'Execute', syncType, row.nodePath)
    const { nodePath, tenantId } = row
    const detail = describe(changed)
    await record(tx, actor, { nodePath, tenantId, action, subject: `schedule:${id}`, detail })
    await queries.updateSchedule(tx, id, changed)
    return showOne(tx, id)
  })
}

export async function deleteSchedule(
  actor: Actor,
  { store }: ScheduleDependencies,
  id: number,
): Promise<void> {
  await inScope(store.db, scopesOf(actor), async (tx) => {
    const row = await permitted(tx, actor, 'Delete', id)
    const { nodePath, tenantId } = row
    const subject = `schedule:${id}`
    const detail = describe(row)
    await record(tx, actor, { nodePath, tenantId, action: 'schedule.delete', subject, detail })
    await queries.deleteSchedule(tx, id)
  })
}

export async function readSchedule(
  actor: Actor,
  { store }: ScheduleDependencies,
  id: number,
): Promise<ScheduleAnswer> {
  return inScope(store.db, scopesOf(actor), async (tx) =>
    show(await permitted(tx, actor, 'Read', id)),
  )
}

export async function listSchedules(
  actor: Actor,
  { store }: ScheduleDependencies,
  query: PageQuery & { tenantId?: number | undefined },
): Promise<PageOf<ScheduleAnswer>> {
  return await listById(
    { actor, db: store.db, type: type },
    query,
    (tx, after, limit) => queries.selectSchedules(tx, query.tenantId, after, limit),
    show,
  )
}

async function permitted(
  tx: Tx,
  actor: Actor,
  operation: Operation,
  id: number,
): Promise<queries.ScheduleRow> {
  const row = await queries.selectSchedule(tx, id, operation !== 'Read')
  if (row === undefined) throw notFound('schedule')
  requirePermission(actor, operation, type, row.nodePath)
  return row
}

function namedModels(models: readonly Model[], names: readonly string[] | undefined): string[] {
  return names === undefined || names.length === 0 ? [] : chooseModels(models, names)
}

async function nameOnce<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isUniqueViolation(error, 'schedule_name_once')) throw error
    const problem = 'is the name of another schedule of this tenant'
    const fields = [{ field: 'body.name', problem }]
    throw new AppError('conflict', `body.name ${problem}; nothing was changed.`, { fields })
  }
}

function describe(schedule: queries.ScheduleChange) {
  const { name, models, fullList, everyMinutes, cron, timeZone, pausedWhy, dueAt } = schedule
  const due = showTime(dueAt)
  return { name, models, fullList, everyMinutes, cron, timeZone, pausedWhy, dueAt: due }
}

async function showOne(tx: Tx, id: number): Promise<ScheduleAnswer> {
  const row = await queries.selectSchedule(tx, id)
  if (row === undefined) throw notFound('schedule')
  return show(row)
}

function show(row: queries.ScheduleRow): ScheduleAnswer {
  const { id, tenantId } = row
  return {
    ...{ id, tenantId, ...describe(row), paused: row.dueAt === null },
    lastDueAt: showTime(row.lastDueAt),
    lastSyncId: row.lastRunId,
    actsAs: row.actor.name,
    createdAt: row.createdAt.toISOString(),
  }
}
