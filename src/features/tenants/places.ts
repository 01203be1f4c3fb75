import { type FieldPath, tenantFields } from './fields.ts'

/**
 * For each secret the fields that say where it is sent and as whose. When one of them changes, the
 * stored secret must not follow: whoever may edit a tenant could otherwise have it delivered to an
 * address of their own.
 */
const places: { [P in FieldPath]?: readonly FieldPath[] } = {
  'graph.clientSecret': ['graph.cloud', 'graph.tenantId', 'graph.clientId'],
  'powershell.password': ['powershell.mode', 'powershell.host', 'powershell.username'],
  'httpProxy.password': ['powershell.mode', 'powershell.host', 'httpProxy.username'],
  'teams.adminPassword': [
    'powershell.mode',
    'powershell.host',
    'graph.cloud',
    'graph.tenantId',
    'teams.adminUsername',
  ],
}

/** A secret nobody listed is tied to every other field of its group. */
export function placesOf(secret: FieldPath): readonly FieldPath[] {
  const group = secret.split('.')[0]
  const others = tenantFields.filter((field) => field.group === group && field.path !== secret)
  return places[secret] ?? others.map((field) => field.path)
}
