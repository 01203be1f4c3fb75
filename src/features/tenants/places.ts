import { type FieldPath, tenantFields } from './fields.ts'

/**
 * For each secret the fields that say where it is sent and as whose, besides the addresses of its
 * own group. When one of them changes, the stored secret must not follow: whoever may edit a tenant
 * could otherwise have it delivered to an address of their own. A proxy is such a place although it
 * sees only what is encrypted, since with it goes who vouches for the other end.
 */
const signIn: readonly FieldPath[] = [
  'graph.cloud',
  'graph.tenantId',
  'graph.clientId',
  'graph.caCertificate',
]

const places: { [P in FieldPath]?: readonly FieldPath[] } = {
  'graph.clientSecret': signIn,
  'graph.secondClientSecret': signIn,
  // A proof by certificate is worth its ten minutes to whoever it is sent to.
  'graph.certificateId': signIn,
  'graph.secondCertificateId': signIn,
  'powershell.password': ['powershell.mode', 'powershell.username'],
  'httpProxy.password': ['powershell.mode', 'powershell.host', 'httpProxy.username'],
  'teams.adminPassword': [
    'powershell.mode',
    'powershell.host',
    'graph.cloud',
    'graph.tenantId',
    'teams.adminUsername',
  ],
}

/** What is no secret itself but lets one be used: a certificate, by its choice. */
export const bindings = ['graph.certificateId', 'graph.secondCertificateId'] as const

/** A secret nobody listed is tied to every other field of its group. */
export function placesOf(secret: FieldPath): readonly FieldPath[] {
  const group = secret.split('.')[0]
  const others = tenantFields.filter((field) => field.group === group && field.path !== secret)
  const listed = places[secret]
  const paths = (fields: typeof others) => fields.map((field) => field.path)
  if (listed === undefined) return paths(others)
  return [...listed, ...paths(others.filter((field) => field.address !== undefined))]
}

/** Without it what was sent there goes to Microsoft as it is, or nowhere. */
export function endsWhereItIsSent(place: FieldPath): boolean {
  const field = tenantFields.find(({ path }) => path === place)
  return field?.address !== undefined || place === 'graph.caCertificate'
}
