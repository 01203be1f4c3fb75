import type { Api } from '../../contract/api.ts'
import { syncOnSave } from '../../features/syncs/syncOnSave.ts'
import { deleteTenant } from '../../features/tenants/deleteTenant.ts'
import { importTenant } from '../../features/tenants/importTenant.ts'
import { createTenant, listTenants, readTenant } from '../../features/tenants/tenants.ts'
import { updateTenant } from '../../features/tenants/updateTenant.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

export function tenantHandlers(dependencies: ServerDependencies): Handlers<Api>['tenant'] {
  const { store, directory, testTenant, engine, openGraph, log } = dependencies
  const work = { ...store, models: engine.models }
  return {
    list: (actor, { query }) => listTenants(actor, store, query),
    create: async (actor, { body }) =>
      syncOnSave(actor, work, await createTenant(actor, store, directory, body)),
    import: async (actor, { body }) => {
      const answer = await importTenant(actor, store, directory, body)
      if (answer.tenant !== null) await syncOnSave(actor, work, answer.tenant)
      return answer
    },
    show: (actor, { params }) => readTenant(actor, store, params.tenantId),
    update: async (actor, { params, body }) =>
      syncOnSave(actor, work, await updateTenant(actor, store, directory, params.tenantId, body)),
    delete: (actor, { params, query }, { signal }) =>
      deleteTenant(actor, { store, openGraph, log }, { ...params, ...query }, signal),
    test: (actor, { params, body }, { signal }) =>
      testTenant(actor, { ...params, ...body }, signal),
  }
}
