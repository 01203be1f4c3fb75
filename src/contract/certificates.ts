import { route } from './route.ts'
import { Closed, Id, PageOf, pageQuery, Text, Time } from './schemas.ts'
import { Type } from './type.ts'

const type = 'data/Certificate'
const params = Closed({ certificateId: Id })
const Name = Text({ minLength: 1, maxLength: 255 })

export const Certificate = Closed({
  id: Id,
  nodeId: Id,
  name: Type.String(),
  subject: Type.String(),
  thumbprint: Type.String(),
  thumbprintSha256: Type.String(),
  notBefore: Time,
  notAfter: Time,
  createdAt: Time,
})

export const certificateRoutes = {
  list: route({
    name: 'certificate.list',
    method: 'GET',
    path: '/v1/certificates',
    summary: 'The certificates within your scope, with their end dates',
    permission: { operation: 'Read', type },
    query: Closed(pageQuery),
    answer: PageOf(Certificate),
    status: 200,
  }),
  create: route({
    name: 'certificate.create',
    method: 'POST',
    path: '/v1/certificates',
    summary: 'Make a key pair and a self-signed certificate for app registrations',
    permission: { operation: 'Create', type },
    body: Closed({
      nodeId: Id,
      name: Name,
      commonName: Text({ minLength: 1, maxLength: 64 }),
      organization: Type.Optional(Text({ minLength: 1, maxLength: 64 })),
      country: Type.Optional(Type.String({ pattern: '^[A-Z]{2}$' })),
      validDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 730, default: 365 })),
      keyBits: Type.Optional(
        Type.Union([Type.Literal(2048), Type.Literal(3072), Type.Literal(4096)], { default: 3072 }),
      ),
    }),
    answer: Certificate,
    status: 201,
  }),
  import: route({
    name: 'certificate.import',
    method: 'POST',
    path: '/v1/certificates/import',
    summary: 'Bring a certificate with its private key, as PEM or as PFX in base64',
    permission: { operation: 'Create', type },
    body: Closed({
      nodeId: Id,
      name: Name,
      pem: Type.Optional(Type.String({ maxLength: 65_536, stored: 'secret' })),
      pfx: Type.Optional(
        Type.String({ maxLength: 131_072, pattern: '^[A-Za-z0-9+/=\\s]*$', stored: 'secret' }),
      ),
      password: Type.Optional(Type.String({ maxLength: 1_024, stored: 'secret' })),
    }),
    answer: Certificate,
    status: 201,
  }),
  show: route({
    name: 'certificate.show',
    method: 'GET',
    path: '/v1/certificates/{certificateId}',
    summary: 'One certificate',
    permission: { operation: 'Read', type },
    params,
    answer: Certificate,
    status: 200,
  }),
  export: route({
    name: 'certificate.export',
    method: 'GET',
    path: '/v1/certificates/{certificateId}/public',
    summary: 'The public certificate as PEM, to upload in Entra',
    permission: { operation: 'Export', type },
    params,
    answer: Closed({ pem: Type.String() }),
    status: 200,
  }),
  delete: route({
    name: 'certificate.delete',
    method: 'DELETE',
    path: '/v1/certificates/{certificateId}',
    summary: 'Remove a certificate that no tenant uses, and destroy its private key',
    permission: { operation: 'Delete', type },
    params,
    query: Closed({ confirm: Type.Optional(Name) }),
    status: 204,
  }),
}
