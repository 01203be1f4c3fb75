import type { Api } from '../../contract/api.ts'
import { listModels, readModel, requireModel } from '../../features/resources/models.ts'
import { listResources, readHistory, readResource } from '../../features/resources/resources.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

type Models = ServerDependencies['engine']['models']

async function modelOf(
  models: Models,
  { application, name }: Record<'application' | 'name', string>,
) {
  return requireModel(await models.current(), application, name)
}

export function modelHandlers({ engine }: ServerDependencies): Handlers<Api>['model'] {
  const { models } = engine
  return {
    list: async () => listModels(await models.current()),
    show: async (_actor, { params }) => readModel(await modelOf(models, params)),
  }
}

export function resourceHandlers({ store, engine }: ServerDependencies): Handlers<Api>['resource'] {
  const { db } = store
  const { models } = engine
  return {
    list: async (actor, { params, query }) => {
      const model = await modelOf(models, params)
      return await listResources(actor, db, model, params.tenantId, query)
    },
    show: async (actor, { params }) => {
      const all = await models.current()
      const model = requireModel(all, params.application, params.name)
      return await readResource(actor, db, all, model, params.tenantId, params.ref)
    },
    history: async (actor, { params, query }) => {
      const model = await modelOf(models, params)
      return await readHistory(actor, db, model, params.tenantId, params.ref, query)
    },
  }
}
