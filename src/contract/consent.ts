import { route } from './route.ts'
import { Closed, Id, Text, Time } from './schemas.ts'
import { Type } from './type.ts'

/** An administrator of a tenant lets our application in, and their browser comes back to us. */
export const consentRoutes = {
  invite: route({
    name: 'consent.invite',
    method: 'POST',
    path: '/v1/tenants/{tenantId}/consent',
    summary: "A link by which the tenant's own administrator consents; it works once",
    permission: { operation: 'Update', type: 'relation/MicrosoftTenant' },
    params: Closed({ tenantId: Id }),
    answer: Closed({ url: Type.String(), expiresAt: Time }),
    status: 201,
  }),
  begin: route({
    name: 'consent.begin',
    method: 'GET',
    path: '/consent/begin/{link}',
    summary: 'Where the link leads: to the consent page of Microsoft',
    permission: 'open',
    params: Closed({ link: Text({ minLength: 1, maxLength: 128 }) }),
    status: 303,
  }),
  return: route({
    name: 'consent.return',
    method: 'GET',
    path: '/consent/return',
    summary: 'Where Microsoft sends the browser back to',
    permission: 'open',
    query: Type.Record(Type.String(), Text({ maxLength: 8_192 })),
    status: 303,
  }),
  page: route({
    name: 'consent.page',
    method: 'GET',
    path: '/consent',
    summary: 'What came of a consent, for the person who gave it',
    permission: 'open',
    produces: 'text/html',
    status: 200,
  }),
}
