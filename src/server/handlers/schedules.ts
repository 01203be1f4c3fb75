import type { Api } from '../../contract/api.ts'
import { modelOf } from '../../features/resources/models.ts'
import { listRules, setRule } from '../../features/schedules/rules.ts'
import {
  createSchedule,
  deleteSchedule,
  listSchedules,
  pauseSchedule,
  readSchedule,
  resumeSchedule,
  updateSchedule,
} from '../../features/schedules/schedules.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

export function scheduleHandlers({ store, engine }: ServerDependencies): Handlers<Api>['schedule'] {
  const work = { store, models: engine.models }
  return {
    list: (actor, { query }) => listSchedules(actor, work, query),
    create: (actor, { params, body }) => createSchedule(actor, work, params.tenantId, body),
    show: (actor, { params }) => readSchedule(actor, work, params.scheduleId),
    update: (actor, { params, body }) => updateSchedule(actor, work, params.scheduleId, body),
    pause: (actor, { params }) => pauseSchedule(actor, work, params.scheduleId),
    resume: (actor, { params }) => resumeSchedule(actor, work, params.scheduleId),
    delete: (actor, { params }) => deleteSchedule(actor, work, params.scheduleId),
  }
}

export function syncRuleHandlers({ store, engine }: ServerDependencies): Handlers<Api>['syncRule'] {
  const { db } = store
  return {
    list: (actor, { params }) => listRules(actor, db, params.tenantId),
    set: async (actor, { params, body }) => {
      const model = modelOf(await engine.models.current(), params)
      return await setRule(actor, db, params.tenantId, model, body.disabled)
    },
  }
}
