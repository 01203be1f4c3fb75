import { route } from './route.ts'
import { Closed, Id, Nullable, Text } from './schemas.ts'
import { Type } from './type.ts'

/** What an app registration has to be granted, and for what. */
export const PermissionList = Closed({
  permissions: Type.Array(
    Closed({
      /** An application permission of Microsoft Graph. */
      permission: Type.String(),
      for: Type.Array(Type.String()),
      /** Whether it, or one that includes it, is granted; null where that is not known. */
      granted: Nullable(Type.Boolean()),
    }),
  ),
  features: Type.Array(Type.String()),
})

export const permissionRoutes = {
  list: route({
    name: 'permission.list',
    method: 'GET',
    path: '/v1/permissions',
    summary: 'The fewest permissions an app registration needs for features; for all unless named',
    permission: 'signed-in',
    query: Closed({ features: Type.Optional(Text({ minLength: 1, maxLength: 1_024 })) }),
    answer: PermissionList,
    status: 200,
  }),
  tenant: route({
    name: 'permission.tenant',
    method: 'GET',
    path: '/v1/tenants/{tenantId}/permissions',
    summary: 'The fewest permissions the features in use in a tenant need, and which it has',
    permission: { operation: 'Read', type: 'relation/MicrosoftTenant' },
    params: Closed({ tenantId: Id }),
    answer: PermissionList,
    status: 200,
  }),
}
