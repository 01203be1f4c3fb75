import type { Api } from '../../contract/api.ts'
import { exportCsv, exportJson } from '../../features/resources/export.ts'
import { modelOf } from '../../features/resources/models.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

export function exportHandlers({ store, engine }: ServerDependencies): Handlers<Api>['export'] {
  const { db } = store
  return {
    csv: async (actor, { params, query }) => {
      const model = modelOf(await engine.models.current(), params)
      return await exportCsv(actor, db, model, params.tenantId, query)
    },
    json: async (actor, { params, query }) => {
      const model = modelOf(await engine.models.current(), params)
      return await exportJson(actor, db, model, params.tenantId, query)
    },
  }
}
