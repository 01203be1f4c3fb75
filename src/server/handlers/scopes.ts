import type { Api } from '../../contract/api.ts'
import { modelOf } from '../../features/resources/models.ts'
import { listScopes, setScope } from '../../features/scopes/scopes.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

export function syncScopeHandlers({
  store,
  engine,
}: ServerDependencies): Handlers<Api>['syncScope'] {
  const { db } = store
  return {
    list: (actor, { params }) => listScopes(actor, db, params.tenantId),
    set: async (actor, { params, body }) => {
      const model = modelOf(await engine.models.current(), params)
      return await setScope(actor, db, params.tenantId, model, body.filter)
    },
  }
}
