import { route } from './route.ts'
import { Closed, Id, Nullable, PageOf, pageQuery, Text, Time } from './schemas.ts'
import { Tenant } from './tenantFields.ts'
import { Type } from './type.ts'

const type = 'relation/MicrosoftTenant'
const params = Closed({ tenantId: Id })

/** Something with an end; never the thing itself. */
export const CredentialEnd = Closed({
  kind: Type.Enum(['secret', 'certificate', 'gdap', 'token']),
  name: Type.String(),
  nodePath: Type.String(),
  /** Null for what belongs to no single tenant: certificates and API tokens. */
  tenantId: Nullable(Id),
  tenant: Nullable(Type.String()),
  /** Whether it is in use here, as far as that can be told. Others raise no alert. */
  used: Type.Boolean(),
  endsAt: Nullable(Time),
  /** Whole days from now; negative once it has ended. */
  days: Nullable(Type.Integer()),
  state: Type.Enum(['valid', 'ending', 'ended', 'unknown']),
  /** Microsoft extends it by itself. */
  extends: Type.Boolean(),
  /** Who told the end: Microsoft, a person, or what we hold ourselves. */
  source: Nullable(Type.Enum(['microsoft', 'given', 'own'])),
  /** Why the end is unknown. */
  note: Nullable(Type.String()),
})

/** How the second credential fared. */
const CredentialTest = Closed({
  accepted: Type.Boolean(),
  message: Type.String(),
})

export const credentialRoutes = {
  list: route({
    name: 'credential.list',
    method: 'GET',
    path: '/v1/credentials',
    summary: 'When secrets, certificates, delegations and API tokens end, the first to end first',
    permission: { operation: 'Read', type: 'data/Credential' },
    query: Closed(pageQuery),
    answer: PageOf(CredentialEnd),
    status: 200,
  }),
  end: route({
    name: 'credential.end',
    method: 'PUT',
    path: '/v1/tenants/{tenantId}/credential-end',
    summary: 'Say when a secret of a tenant ends that Microsoft does not tell; null takes it back',
    permission: { operation: 'Update', type },
    params,
    body: Closed({
      second: Type.Optional(Type.Boolean()),
      endsAt: Nullable(Type.String({ format: 'date-time', maxLength: 64 })),
    }),
    status: 204,
  }),
  add: route({
    name: 'credential.add',
    method: 'PUT',
    path: '/v1/tenants/{tenantId}/second-credential',
    summary: 'Put a second secret or certificate beside the one in use',
    permission: { operation: 'Update', type },
    params,
    body: Closed({
      secret: Type.Optional(
        Type.String({
          ...{ minLength: 1, maxLength: 255, stored: 'secret' },
          pattern: '^[^\\u0000-\\u001f\\u007f]*$',
        }),
      ),
      certificateId: Type.Optional(Id),
    }),
    answer: Tenant,
    status: 200,
  }),
  test: route({
    name: 'credential.test',
    method: 'POST',
    path: '/v1/tenants/{tenantId}/second-credential/test',
    summary: 'Sign in at Microsoft with the second credential; from then on it may step in',
    permission: { operation: 'Execute', type },
    params,
    answer: CredentialTest,
    status: 200,
  }),
  promote: route({
    name: 'credential.promote',
    method: 'POST',
    path: '/v1/tenants/{tenantId}/second-credential/promote',
    summary: 'Use the tested second credential; the first takes its place until it is dropped',
    permission: { operation: 'Update', type },
    params,
    answer: Tenant,
    status: 200,
  }),
  drop: route({
    name: 'credential.drop',
    method: 'DELETE',
    path: '/v1/tenants/{tenantId}/second-credential',
    summary: 'Forget the second credential for good',
    permission: { operation: 'Update', type },
    params,
    query: Closed({ confirm: Type.Optional(Text({ minLength: 1, maxLength: 255 })) }),
    answer: Tenant,
    status: 200,
  }),
}
