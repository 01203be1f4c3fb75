import type { Api } from '../../contract/api.ts'
import { listPermissions, tenantPermissions } from '../../features/tenants/leastPermissions.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

export function permissionHandlers({ store }: ServerDependencies): Handlers<Api>['permission'] {
  return {
    list: async (_actor, { query }) => listPermissions(query),
    tenant: (actor, { params }) => tenantPermissions(actor, store, params.tenantId),
  }
}
