import type { IncomingHttpHeaders } from 'node:http'

/** A request as read off the wire. */
export interface Request {
  method: string
  host: string
  /** Still percent-encoded, without the query. */
  path: string
  /** Still percent-encoded, without the question mark. */
  queryText: string
  headers: IncomingHttpHeaders
  body: Buffer
}

/** Which item of which batch a request is. */
export interface BatchPart {
  /** Of the batch, as its answer names it. */
  requestId: string
  item: string
}

/** What the items of an answer are, so that they can be checked against the catalogue. */
export interface Shape {
  /** An entity type of the catalogue. */
  type: string
  /** Whether the items stand in `value`. */
  many: boolean
}

/** An answer before faults, compression and the wire. */
export interface Reply {
  status: number
  headers: Record<string, string>
  body: string
  /** Objects in it: what the latency model counts. */
  rows: number
  shape?: Shape | undefined
}

export function headerText(request: Request, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** The decoded parts of a path; a part that is not properly encoded stays as it is. */
export function pathParts(path: string): string[] {
  return path
    .split('/')
    .slice(1)
    .map((part) => {
      try {
        return decodeURIComponent(part)
      } catch {
        return part
      }
    })
}

export function jsonReply(
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(body),
    rows: 0,
  }
}
