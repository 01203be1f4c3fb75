import { graphError } from '../catalogue/graphErrors.ts'
import { jsonReply, type Reply } from './exchange.ts'

export interface RefusalDetail {
  code: string
  message: string
  target: string
}

/** Why Graph says no. */
export class GraphRefusal extends Error {
  readonly status: number
  readonly code: string
  readonly details: readonly RefusalDetail[]
  readonly headers: Record<string, string>

  constructor(
    status: number,
    code: string,
    message: string,
    more: { details?: readonly RefusalDetail[]; headers?: Record<string, string> } = {},
  ) {
    super(message)
    this.name = 'GraphRefusal'
    this.status = status
    this.code = code
    this.details = more.details ?? []
    this.headers = more.headers ?? {}
  }
}

/** The recorded refusal of a case, named as in the catalogue, its placeholders filled. */
export function refuse(name: string, values: Record<string, string> = {}): GraphRefusal {
  const known = graphError(name)
  if (known === undefined) throw new Error(`The catalogue has no Graph error "${name}".`)
  const message = known.message.replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole)
  return new GraphRefusal(known.status, known.code, message)
}

/** Shared by most validation errors of the directory. */
export function badRequest(message: string, details: readonly RefusalDetail[] = []): GraphRefusal {
  return new GraphRefusal(400, 'Request_BadRequest', message, { details })
}

/** What Graph's own front says before the directory is asked. */
export function badQuery(message: string): GraphRefusal {
  return new GraphRefusal(400, 'BadRequest', message)
}

/** There is nothing of that name in the model. */
export function segmentNotFound(segment: string): GraphRefusal {
  return badQuery(`Resource not found for the segment '${segment}'.`)
}

export function unsupportedQuery(message: string): GraphRefusal {
  return new GraphRefusal(400, 'Request_UnsupportedQuery', message)
}

/** Refused for now; the headers say how long and why. */
export function tooManyRequests(headers: Record<string, string>): GraphRefusal {
  return new GraphRefusal(429, 'TooManyRequests', 'Please retry again later.', { headers })
}

export function notFound(id: string): GraphRefusal {
  return refuse('object not found', { id })
}

export interface RequestIds {
  requestId: string
  clientRequestId: string
}

export function refusalReply(refused: GraphRefusal, ids: RequestIds, now: number): Reply {
  const details = refused.details.length === 0 ? {} : { details: refused.details }
  return jsonReply(
    refused.status,
    {
      error: {
        code: refused.code,
        message: refused.message,
        ...details,
        innerError: {
          date: new Date(now).toISOString().slice(0, 19),
          'request-id': ids.requestId,
          'client-request-id': ids.clientRequestId,
        },
      },
    },
    refused.headers,
  )
}
