import type { Reply, Shape } from '../exchange.ts'

const contentType =
  'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8'

/** An answer with objects in it. */
export function graphReply(status: number, body: string, shape: Shape, rows: number): Reply {
  return {
    status,
    headers: { 'content-type': contentType, 'odata-version': '4.0' },
    body,
    rows,
    shape,
  }
}

export function noContent(): Reply {
  return { status: 204, headers: {}, body: '', rows: 0 }
}

/** `@odata.context` of an answer: what it is, and which properties were asked for. */
export function contextUrl(host: string, what: string): string {
  return `https://${host}/v1.0/$metadata#${what}`
}
