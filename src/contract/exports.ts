import { route } from './route.ts'
import { Closed, Id, Text } from './schemas.ts'
import { Type } from './type.ts'

const permission = { operation: 'Export', type: 'device/{application}/{name}' } as const
const Segment = Text({ minLength: 1, maxLength: 64 })
const params = Closed({ tenantId: Id, application: Segment, name: Segment })
const query = Closed({
  search: Type.Optional(Text({ maxLength: 255 })),
  filter: Type.Optional(
    Type.Array(Text({ maxLength: 512 }), {
      maxItems: 20,
      description: 'column=value; equal without regard to case; several must all hold',
    }),
  ),
})

/** All objects of a model as last synced, in one piece that is sent as it is read. */
export const exportRoutes = {
  csv: route({
    name: 'export.csv',
    method: 'GET',
    path: '/v1/tenants/{tenantId}/exports/device/{application}/{name}/csv',
    summary:
      'Objects of a model as CSV (RFC 4180); a cell that a spreadsheet would run begins with an apostrophe',
    permission,
    params,
    query,
    status: 200,
    produces: 'text/csv',
    streamed: true,
  }),
  json: route({
    name: 'export.json',
    method: 'GET',
    path: '/v1/tenants/{tenantId}/exports/device/{application}/{name}/json',
    summary: 'Objects of a model as one JSON array',
    permission,
    params,
    query,
    status: 200,
    produces: 'application/json',
    streamed: true,
  }),
}
