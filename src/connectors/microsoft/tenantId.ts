import { randomUUID } from 'node:crypto'
import { AppError, badInput } from '../../core/errors.ts'
import { isJsonObject, type Json } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { WebProxy } from '../../net/destination.ts'
import type { Exchange } from '../../net/egress.ts'
import { signInError } from './aadErrors.ts'
import { type Cloud, loginDestination } from './clouds.ts'
import { microsoftFailure } from './failures.ts'
import { parseJson } from './json.ts'

const domainShape = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/i
const guidShape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export interface TenantLookup {
  /** One of the tenant's domains, or its id. */
  name: string
  proxy?: WebProxy | undefined
  signal?: AbortSignal | undefined
}

/**
 * The id of a tenant by one of its domains, from the sign-in service's discovery document; no
 * credentials are needed. Throws `microsoft-not-found`, bad-input for a tenant of another cloud.
 */
export async function lookUpTenantId(
  exchange: Exchange,
  cloud: Cloud,
  { name, proxy, signal }: TenantLookup,
): Promise<string> {
  if (name.length > limits.keyCharsMax || !(domainShape.test(name) || guidShape.test(name))) {
    throw badInput('tenant', 'must be a domain of the tenant, or its id')
  }
  const url = new URL(`${cloud.login}/${name}/v2.0/.well-known/openid-configuration`)
  const answer = await exchange({
    destination: loginDestination(cloud),
    proxy,
    method: 'GET',
    url,
    headers: { accept: 'application/json', 'client-request-id': randomUUID() },
    signal,
    answerBytesMax: limits.tokenBytes,
  }).catch((error: unknown) => {
    throw microsoftFailure(error)
  })
  const body = parseJson(answer)
  if (answer.status !== 200) throw signInError(answer.status, body)
  return readTenantId(body, cloud)
}

function readTenantId(body: Json | undefined, cloud: Cloud): string {
  const endpoint = isJsonObject(body) ? body.token_endpoint : undefined
  const url = typeof endpoint === 'string' && URL.canParse(endpoint) ? new URL(endpoint) : undefined
  const id = url?.pathname.split('/')[1] ?? ''
  if (url === undefined || !guidShape.test(id)) {
    throw new AppError(
      'microsoft-broken-answer',
      "The sign-in service's description of the tenant names no tenant id. Enter the id itself.",
    )
  }
  // The global service knows tenants of the national clouds, and points to where they sign in.
  if (url.origin !== cloud.login) {
    throw badInput('cloud', `is not the tenant's: it signs in at ${url.host}`)
  }
  return id.toLowerCase()
}
