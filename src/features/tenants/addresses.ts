import { badInput } from '../../core/errors.ts'
import type { Sealed } from '../../core/secret.ts'
import { type Endpoint, parseEndpoint } from '../../net/endpoint.ts'
import type { FieldPath, TenantField } from './fields.ts'

/** The address in a field that is one; undefined for any other. Throws bad-input naming it. */
export function endpointIn({ path, address }: TenantField, text: string): Endpoint | undefined {
  if (address === undefined) return undefined
  const endpoint = parseEndpoint(address, path, text)
  if (address === 'proxy') checkSignIn(path, endpoint)
  return endpoint
}

/** The proxy of `graph.proxy` or `graph.secureProxy`. Throws bad-input naming the field. */
export function readProxy(field: FieldPath, address: Sealed): Endpoint {
  const endpoint = parseEndpoint('proxy', field, address.reveal())
  checkSignIn(field, endpoint)
  return endpoint
}

function checkSignIn(field: FieldPath, { user, password }: Endpoint): void {
  const secure = field === 'graph.secureProxy'
  if (!secure && (user !== undefined || password !== undefined)) {
    throw badInput(
      field,
      'is for proxies without sign-in; use graph.secureProxy with user:password.',
    )
  }
  if (secure && (user === undefined || password === undefined)) {
    throw badInput(field, 'must hold user:password@ before the host; without them use graph.proxy.')
  }
}

/** The address with `***` in the place of user and password. */
export function maskProxy(field: FieldPath, address: Sealed): string {
  const { scheme, origin, user } = readProxy(field, address)
  return user === undefined ? `${origin}/` : `${scheme}://***@${origin.slice(scheme.length + 3)}/`
}
