import { badInput, type FieldProblem } from '../../core/errors.ts'
import type { Sealed } from '../../core/secret.ts'
import { type Endpoint, parseEndpoint } from '../../net/endpoint.ts'
import type { FieldPath } from './fields.ts'

const schemes = { https: 443, http: 80 }

/**
 * Ports below 1024 belong to services that are no proxies, and so do these: databases and
 * remote administration. A proxy field must not become a way to speak to them.
 */
const refusedPorts: readonly number[] = [
  1433, 1521, 2049, 2375, 2376, 2379, 3306, 3389, 5432, 5900, 5985, 5986, 6379, 9200, 11211, 27017,
]

/** The proxy of `graph.proxy` or `graph.secureProxy`. Throws bad-input naming the field. */
export function readProxy(field: FieldPath, address: Sealed): Endpoint {
  const secure = field === 'graph.secureProxy'
  const rules = { field, schemes, ports: 'any' as const, userinfo: true }
  const endpoint = parseEndpoint(address.reveal(), rules)
  const { port, user, password } = endpoint
  if ((port < 1024 && port !== 80 && port !== 443) || refusedPorts.includes(port)) {
    throw badInput(field, `must not use port ${port}, which is not one of a proxy.`)
  }
  if (!secure && (user !== undefined || password !== undefined)) {
    throw badInput(
      field,
      'is for proxies without sign-in; use graph.secureProxy with user:password.',
    )
  }
  if (secure && (user === undefined || password === undefined)) {
    throw badInput(field, 'must hold user:password@ before the host; without them use graph.proxy.')
  }
  return endpoint
}

/** The address with `***` in the place of user and password. */
export function maskProxy(field: FieldPath, address: Sealed): string {
  const { scheme, origin, user } = readProxy(field, address)
  return user === undefined ? `${origin}/` : `${scheme}://***@${origin.slice(scheme.length + 3)}/`
}

/** The Windows computer: a name or an IP address, without scheme, port or path. */
export function checkHost(field: FieldPath, host: string): FieldProblem[] {
  const address = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  try {
    parseEndpoint(`https://${address}`, { field, schemes })
  } catch {
    return [{ field, problem: 'must be a host name or an IP address, without port or path.' }]
  }
  return host.includes('/') ? [{ field, problem: 'must be a host name, without a path.' }] : []
}
