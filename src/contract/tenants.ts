import { route } from './route.ts'
import { Closed, Id, Nullable, PageOf, pageQuery, Text, Time } from './schemas.ts'
import { Tenant, TenantCreate, TenantUpdate } from './tenantFields.ts'
import { Type } from './type.ts'

const type = 'relation/MicrosoftTenant'
const params = Closed({ tenantId: Id })

/** One finding of Test Connection. `remedy` is there wherever there is something to do. */
export const CheckStep = Closed({
  step: Type.String(),
  outcome: Type.Enum(['passed', 'warning', 'failed', 'skipped']),
  message: Type.String(),
  remedy: Nullable(Type.String()),
  details: Type.Optional(Type.Array(Type.String())),
})

export const ConnectionReport = Closed({
  tenantId: Id,
  outcome: Type.Union([Type.Literal('passed'), Type.Literal('warning'), Type.Literal('failed')]),
  checkedAt: Time,
  steps: Type.Array(CheckStep),
  features: Type.Array(
    Closed({
      feature: Type.String(),
      inUse: Type.Boolean(),
      available: Type.String(),
      missing: Type.Array(Type.String()),
    }),
  ),
})

/** What an import made, or would make. `missing` are secrets that are still to be given. */
const TenantImport = Closed({
  dryRun: Type.Boolean(),
  tenant: Nullable(Tenant),
  fields: Type.Array(Closed({ given: Type.String(), field: Type.String() })),
  missing: Type.Array(Closed({ field: Type.String(), problem: Type.String() })),
  ignored: Type.Array(Type.String()),
})

export const tenantRoutes = {
  list: route({
    name: 'tenant.list',
    method: 'GET',
    path: '/v1/tenants',
    summary: 'The Microsoft tenants within your scope',
    permission: { operation: 'Read', type },
    query: Closed(pageQuery),
    answer: PageOf(Tenant),
    status: 200,
  }),
  create: route({
    name: 'tenant.create',
    method: 'POST',
    path: '/v1/tenants',
    summary: 'Attach a Microsoft tenant to a node',
    permission: { operation: 'Create', type },
    body: TenantCreate,
    answer: Tenant,
    status: 201,
  }),
  import: route({
    name: 'tenant.import',
    method: 'POST',
    path: '/v1/tenants/import',
    summary: 'Attach a tenant from a JSON export that uses the names of the reference',
    permission: { operation: 'Create', type },
    body: Closed({
      nodeId: Id,
      fields: Type.Record(Type.String(), Type.Unknown(), { maxProperties: 200 }),
      dryRun: Type.Optional(Type.Boolean()),
    }),
    answer: TenantImport,
    status: 200,
  }),
  show: route({
    name: 'tenant.show',
    method: 'GET',
    path: '/v1/tenants/{tenantId}',
    summary: 'One tenant; secrets show only whether and when they were set',
    permission: { operation: 'Read', type },
    params,
    answer: Tenant,
    status: 200,
  }),
  update: route({
    name: 'tenant.update',
    method: 'PATCH',
    path: '/v1/tenants/{tenantId}',
    summary: 'Change fields of a tenant; absent fields stay, null clears',
    permission: { operation: 'Update', type },
    params,
    body: TenantUpdate,
    answer: Tenant,
    status: 200,
  }),
  delete: route({
    name: 'tenant.delete',
    method: 'DELETE',
    path: '/v1/tenants/{tenantId}',
    summary: 'Remove a tenant with everything Patchbay holds of it; Microsoft is not touched',
    permission: { operation: 'Delete', type },
    params,
    query: Closed({ confirm: Type.Optional(Text({ minLength: 1, maxLength: 255 })) }),
    status: 204,
  }),
  test: route({
    name: 'tenant.test',
    method: 'POST',
    path: '/v1/tenants/{tenantId}/test',
    summary: 'Test Connection: sign in at Microsoft, read, and report step by step',
    permission: { operation: 'Execute', type },
    params,
    body: Closed({ confirm: Type.Optional(Type.Boolean()) }),
    answer: ConnectionReport,
    status: 200,
  }),
}
