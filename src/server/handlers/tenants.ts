import type { Api } from '../../contract/api.ts'
import { deleteTenant } from '../../features/tenants/deleteTenant.ts'
import { createTenant, listTenants, readTenant } from '../../features/tenants/tenants.ts'
import { updateTenant } from '../../features/tenants/updateTenant.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

export function tenantHandlers(dependencies: ServerDependencies): Handlers<Api>['tenant'] {
  const { store, directory, testTenant } = dependencies
  return {
    list: (actor, { query }) => listTenants(actor, store, query),
    create: (actor, { body }) => createTenant(actor, store, directory, body),
    show: (actor, { params }) => readTenant(actor, store, params.tenantId),
    update: (actor, { params, body }) =>
      updateTenant(actor, store, directory, params.tenantId, body),
    delete: (actor, { params, query }) => deleteTenant(actor, store, { ...params, ...query }),
    test: (actor, { params, body }, { signal }) =>
      testTenant(actor, { ...params, ...body }, signal),
  }
}
