import { type ActorNow, mayDo } from '../../core/actor.ts'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import type { Models } from '../../engine/models/versions/versions.ts'
import { isUniqueViolation } from '../../store/errors.ts'
import type { Jobs } from '../../store/jobs/jobs.ts'
import type { Log } from '../../store/log.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { rootPath } from '../hierarchy/root.ts'
import { record } from '../operation/record.ts'
import type { Store } from '../operation/store.ts'
import { markMissed, queueSync, syncType } from '../syncs/queueSync.ts'
import { selectTenantPath } from '../tenants/queries.ts'
import * as marks from './marks/queries.ts'
import * as queries from './queries.ts'
import { nextTime, type When } from './times.ts'

export interface DueDependencies {
  store: Pick<Store, 'db' | 'clock'>
  jobs: Pick<Jobs, 'enqueue'>
  models: Models
  actorNow: ActorNow
  log: Log
}

/**
 * Queues the syncs of schedules that are due, so many at most; answers how many it looked at. Any
 * number of workers may do so at once: each row is taken by one, and its next time and the sync are
 * one commit. One that was missed, however often, is due once.
 */
export async function queueScheduled(dependencies: DueDependencies): Promise<number> {
  const { store, log } = dependencies
  let taken = 0
  while (taken < limits.dueRowsMax) {
    let schedule: queries.ScheduleRow | undefined
    try {
      await inScope(store.db, rootPath, async (tx) => {
        schedule = await queries.takeDueSchedule(tx, new Date(store.clock.now()))
        if (schedule !== undefined) await doSchedule(tx, dependencies, schedule)
      })
    } catch (error) {
      if (schedule === undefined) throw error
      // Somebody else began a sync at the same moment: the next look joins it.
      if (isUniqueViolation(error, 'run_active')) return taken
      log.error({ schedule: schedule.id, error: String(error) }, 'a schedule could not be followed')
      await postpone(dependencies, schedule.id)
    }
    if (schedule === undefined) return taken
    taken += 1
  }
  return taken
}

/** Behind the others, so that one that cannot be followed holds up none of them. */
async function postpone({ store }: DueDependencies, id: number): Promise<void> {
  const to = new Date(store.clock.now() + limits.dueRetryMs)
  await inScope(store.db, rootPath, (tx) => queries.postpone(tx, id, to))
}

async function doSchedule(
  tx: Tx,
  { store, jobs, models, actorNow }: DueDependencies,
  schedule: queries.ScheduleRow,
): Promise<void> {
  const { id, tenantId, dueAt } = schedule
  const nodePath = (await selectTenantPath(tx, tenantId, 'share')) ?? schedule.nodePath
  const actor = await actorNow(schedule.actor.id)
  if (actor === undefined || !mayDo(actor, 'Execute', syncType, nodePath)) {
    const why = `Paused: ${schedule.actor.name} may no longer sync this tenant. Somebody who may can resume it.`
    const detail = { name: schedule.name, actsAs: schedule.actor.name, why }
    const subject = `schedule:${id}`
    const entry = { nodePath, tenantId, action: 'schedule.refused', subject, detail }
    await record(tx, schedule.actor, entry)
    await queries.pauseSchedule(tx, id, why)
    return
  }
  const wanted = modelsOf(await models.current(), schedule)
  const { fullList } = schedule
  const sync = { tenantId, nodePath, models: wanted, fullList, cause: `schedule:${id}` }
  const run = await queueSync(tx, actor, jobs, sync)
  if (run?.joined) await markMissed(tx, actor, sync, run.id, store.clock.now())
  const now = store.clock.now()
  const since = (dueAt ?? schedule.createdAt).getTime()
  const next = new Date(nextTime(whenOf(schedule), since, now))
  await queries.moveOn(tx, id, {
    dueAt: next,
    lastDueAt: dueAt ?? new Date(now),
    runId: run?.id ?? null,
  })
}

/** A model that is no longer there is left out; with none left the schedule means all of them. */
function modelsOf(models: readonly Model[], schedule: queries.ScheduleRow): string[] {
  const ids = models.map((model) => model.id)
  const named = ids.filter((id) => schedule.models.includes(id))
  return named.length > 0 ? named : ids
}

function whenOf({ everyMinutes, cron, timeZone }: queries.ScheduleRow): When {
  if (cron !== null) return { everyMinutes: null, cron, timeZone }
  return { everyMinutes: everyMinutes ?? 1, cron: null, timeZone }
}

/**
 * Queues syncs of the models that were marked due, tenant by tenant. While a sync of the tenant is
 * under way the marks wait: it may have read a model before the change the mark is about.
 * One whose time has not come waits too: what it is about may not show yet.
 */
export async function queueMarked({ store, jobs, models, log }: DueDependencies): Promise<void> {
  const now = new Date(store.clock.now())
  const tenants = await inScope(store.db, rootPath, (tx) =>
    marks.selectDueTenants(tx, now, limits.dueRowsMax),
  )
  for (const tenantId of tenants) {
    try {
      await inScope(store.db, rootPath, async (tx) => {
        const due = await marks.takeMarks(tx, tenantId, now)
        const [first] = due
        if (first === undefined) return
        const marked = new Set(due.map(({ model }) => model))
        const inForce = await models.current()
        const wanted = inForce.map((model) => model.id).filter((id) => marked.has(id))
        const { nodePath, actor, cause } = first
        const sync = { tenantId, nodePath, models: wanted, fullList: false, cause }
        if (wanted.length > 0) {
          const run = await queueSync(tx, actor, jobs, sync)
          if (run?.joined) return
        }
        await marks.dropMarks(tx, tenantId, [...marked])
      })
    } catch (error) {
      if (isUniqueViolation(error, 'run_active')) continue
      log.error({ tenantId, error: String(error) }, 'a marked sync could not be queued')
    }
  }
}
