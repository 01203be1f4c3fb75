import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { headerText, type Reply, type Request } from '../exchange.ts'
import { badQuery, refuse } from '../graphErrors.ts'
import { versionOf } from './reply.ts'

/** What Graph looks at before it asks the directory. */

const systemOptions: readonly string[] = [
  '$count',
  '$deltatoken',
  '$expand',
  '$filter',
  '$format',
  '$orderby',
  '$search',
  '$select',
  '$skip',
  '$skiptoken',
  '$top',
]

/** Refuses what no service behind the front could answer. Options without `$` are let through. */
export function checkFront(request: Request, segments: readonly string[]): URLSearchParams {
  const version = versionOf(request.path)
  if (version !== 'v1.0' && version !== 'beta') throw badQuery(`Invalid version: ${version}.`)
  if (request.method === 'HEAD') throw refuse('method not allowed')
  if (segments[0]?.toLowerCase() === 'me') {
    throw badQuery('/me request is only valid with delegated authentication flow.')
  }
  const options = new URLSearchParams(request.queryText)
  for (const name of options.keys()) {
    if (name.startsWith('$') && !systemOptions.includes(name)) {
      throw badQuery(
        `The query specified in the URI is not valid. The query parameter '${name}' is not supported.`,
      )
    }
    if (options.getAll(name).length > 1 && name.startsWith('$')) {
      throw badQuery(`Query option '${name}' was specified more than once.`)
    }
  }
  return options
}

/** A browser asks, without a token, whether it may. */
export function preflight(request: Request): Reply {
  const asked = headerText(request, 'access-control-request-headers') ?? '*'
  return {
    status: 200,
    headers: {
      allow: 'GET, POST, PATCH, PUT, DELETE, OPTIONS',
      'access-control-allow-methods': 'GET, POST, PATCH, PUT, DELETE, OPTIONS',
      'access-control-allow-headers': asked,
      'access-control-max-age': '3600',
    },
    body: '',
    rows: 0,
  }
}

/** For pages of another origin; Graph lets them all. */
export function crossOrigin(request: Request): Record<string, string> {
  if (request.headers.origin === undefined) return {}
  const exposed = 'ETag, Location, Preference-Applied, Content-Range, request-id, client-request-id'
  return {
    'access-control-allow-origin': '*',
    'access-control-expose-headers': `${exposed}, ReadWriteConsistencyToken, Retry-After`,
  }
}

const left = ['@odata.nextLink', '@odata.deltaLink', '@odata.count', '@removed']

/** The answer as it is for those who asked for `odata.metadata=none`: without annotations. */
export function withoutMetadata(request: Request, reply: Reply): Reply {
  const accepted = headerText(request, 'accept') ?? ''
  if (!/odata\.metadata=none/i.test(accepted) || reply.shape === undefined) return reply
  const body: unknown = JSON.parse(reply.body)
  if (!isJsonObject(body)) return reply
  const contentType = reply.headers['content-type']?.replace('metadata=minimal', 'metadata=none')
  return {
    ...reply,
    headers: { ...reply.headers, 'content-type': contentType ?? 'application/json' },
    body: JSON.stringify(bare(body)),
  }
}

function bare(object: JsonObject): JsonObject {
  const kept = Object.entries(object).filter(
    ([name]) => !name.startsWith('@') || left.includes(name),
  )
  return Object.fromEntries(kept.map(([name, value]) => [name, bareValue(value)]))
}

function bareValue(value: Json): Json {
  if (Array.isArray(value)) return value.map(bareValue)
  return isJsonObject(value) ? bare(value) : value
}
