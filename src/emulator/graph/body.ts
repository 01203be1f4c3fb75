import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import type { DirectoryObject } from '../directory/types.ts'
import type { Request } from '../exchange.ts'
import { badQuery, badRequest, notFound } from '../graphErrors.ts'
import type { GraphCallContext } from './context.ts'

/** The body of a write as an object; refuses what is not JSON or does not say that it is. */
export function readBody(request: Request): JsonObject {
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    throw badRequest(
      'Write requests (excluding DELETE) must contain the Content-Type header declaration.',
    )
  }
  let value: unknown
  try {
    value = JSON.parse(request.body.toString('utf8'))
  } catch {
    value = undefined
  }
  if (!isJsonObject(value)) {
    throw badQuery(
      'Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.',
    )
  }
  return value
}

/** The object that `{"@odata.id": "https://.../directoryObjects/{id}"}` names. */
export function readReference(context: GraphCallContext): DirectoryObject {
  return objectAt(context, readBody(context.request)['@odata.id'])
}

/** The objects of a `members@odata.bind`; all of them exist or none is taken. */
export function objectsAt(context: GraphCallContext, references: Json): DirectoryObject[] {
  if (!Array.isArray(references)) throw badRequest('Invalid URL format specified in payload.')
  return references.map((reference) => objectAt(context, reference))
}

function objectAt(context: GraphCallContext, reference: Json | undefined): DirectoryObject {
  const [, collection, id = ''] =
    /\/(directoryObjects|users|groups)\/([0-9a-f-]{36})\/?$/i.exec(String(reference ?? '')) ?? []
  if (collection === undefined) throw badRequest('Invalid URL format specified in payload.')
  const object = context.tenant.byId.get(id.toLowerCase())
  if (object === undefined || context.seen.byId.get(object.id) === undefined) throw notFound(id)
  return object
}
