import type { Api } from '../../contract/api.ts'
import { modelOf } from '../../features/resources/models.ts'
import { listResources, readHistory, readResource } from '../../features/resources/resources.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

export function resourceHandlers({ store, engine }: ServerDependencies): Handlers<Api>['resource'] {
  const { db } = store
  const { models } = engine
  return {
    list: async (actor, { params, query }) => {
      const model = modelOf(await models.current(), params)
      return await listResources(actor, db, model, params.tenantId, query)
    },
    show: async (actor, { params }) => {
      const all = await models.current()
      const model = modelOf(all, params)
      return await readResource(actor, db, all, model, params.tenantId, params.ref)
    },
    history: async (actor, { params, query }) => {
      const model = modelOf(await models.current(), params)
      return await readHistory(actor, db, model, params.tenantId, params.ref, query)
    },
  }
}
