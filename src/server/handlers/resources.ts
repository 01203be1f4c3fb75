import type { Api } from '../../contract/api.ts'
import { listModels, readModel, requireModel } from '../../features/resources/models.ts'
import { listResources, readHistory, readResource } from '../../features/resources/resources.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

export function modelHandlers({ engine }: ServerDependencies): Handlers<Api>['model'] {
  const { models } = engine
  return {
    list: async () => listModels(models),
    show: async (_actor, { params }) => readModel(models, params.application, params.name),
  }
}

export function resourceHandlers({ store, engine }: ServerDependencies): Handlers<Api>['resource'] {
  const { db } = store
  const { models } = engine
  return {
    list: async (actor, { params, query }) => {
      const model = requireModel(models, params.application, params.name)
      return await listResources(actor, db, model, params.tenantId, query)
    },
    show: async (actor, { params }) => {
      const model = requireModel(models, params.application, params.name)
      return await readResource(actor, db, models, model, params.tenantId, params.ref)
    },
    history: async (actor, { params, query }) => {
      const model = requireModel(models, params.application, params.name)
      return await readHistory(actor, db, model, params.tenantId, params.ref, query)
    },
  }
}
