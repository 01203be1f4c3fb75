import type { Json } from '../../core/json.ts'
import type { Entity } from '../directory/types.ts'
import type { Reply, Request, Shape } from '../exchange.ts'
import type { GraphCallContext } from './context.ts'

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

/** A value that is no object: a truth, ids. */
export function valueReply({ request }: GraphCallContext, type: string, value: Json): Reply {
  const body = { '@odata.context': contextUrl(request, type), value }
  const rows = Array.isArray(value) ? value.length : 1
  return { ...graphReply(200, JSON.stringify(body), { type, many: false }, rows), shape: undefined }
}

/** `@odata.context` of an answer: what it is, and which properties were asked for. */
export function contextUrl({ host, path }: Request, what: string): string {
  return `https://${host}/${versionOf(path)}/$metadata#${what}`
}

/** `v1.0` or `beta`, as the first part of a path of Graph. */
export function versionOf(path: string): string {
  return path.split('/')[1]?.toLowerCase() ?? ''
}

/** Where the directory itself says that an object lives. */
export function directoryObjectUrl(
  { request, tenant }: GraphCallContext,
  { id, type }: Entity,
): string {
  const name = type.charAt(0).toUpperCase() + type.slice(1)
  return `https://${request.host}/v2/${tenant.id}/directoryObjects/${id}/Microsoft.DirectoryServices.${name}`
}
