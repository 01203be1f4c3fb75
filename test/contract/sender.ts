import { Pool } from 'undici'
import type { Route } from '../../src/contract/route.ts'
import { errorCodes } from '../../src/core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../src/core/json.ts'

export interface Sent {
  method: string
  /** Path and query as they go over the wire, encoded already. */
  path: string
  headers?: Record<string, string | string[]>
  body?: string
}

export interface Answered {
  status: number
  type: string
  headers: Readonly<Record<string, unknown>>
  text: string
  /** The body, when it is a JSON object. */
  json: JsonObject
}

/** Sends over a few connections that stay open, as a portal does, and counts. */
export function openSender(url: string, token: string | undefined) {
  const pool = new Pool(url, { connections: 8, headersTimeout: 60_000 })
  const authorization = token === undefined ? undefined : `Bearer ${token}`
  let count = 0
  return {
    async send({ method, path, headers, body }: Sent): Promise<Answered> {
      count += 1
      const answer = await pool.request({
        ...{ method: method as 'GET', path, body: body ?? null },
        headers: {
          // A browser sends what it keeps, and from which page.
          ...(headers?.cookie ? { origin: url } : authorization && { authorization }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
      })
      const { headers: told, statusCode: status } = answer
      const type = String(told['content-type'] ?? '')
      if (type.startsWith('text/event-stream')) {
        // It ends when nobody listens any more.
        answer.body.on('error', () => {}).destroy()
        return { status, type, headers: told, text: '', json: {} }
      }
      const text = await answer.body.text()
      return { status, type, headers: told, text, json: type.includes('json') ? read(text) : {} }
    },
    count: () => count,
    close: () => pool.close(),
  }
}

export type Sender = ReturnType<typeof openSender>

function read(text: string): JsonObject {
  const value: unknown = JSON.parse(text)
  return isJsonObject(value) ? value : {}
}

/** The address of a route with its path members and query, every value encoded for its place. */
export function addressOf(
  route: Route,
  path: Record<string, string | number>,
  query: readonly (readonly [string, string])[],
): string {
  const filled = route.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) =>
    encodeURIComponent(String(path[name] ?? '').toWellFormed()),
  )
  const members = query.map((pair) => pair.map((text) => encodeURIComponent(text)).join('='))
  return members.length === 0 ? filled : `${filled}?${members.join('&')}`
}

/** What no answer may be or hold: one line for each fault. */
export function faultsOf({ status, type, text, json }: Answered): string[] {
  const faults: string[] = []
  if (status >= 500) faults.push(`answers ${status} ${text.slice(0, 200)}`)
  if (status < 400) return faults
  if (/node_modules|node:internal|\.ts:\d|\\n\s+at |\bat \w.* \(/.test(text))
    faults.push('shows a stack')
  if (text.includes(process.cwd()) || /\/tmp\/|\/src\//.test(text)) faults.push('shows a file path')
  const known: Record<string, { status: number }> = errorCodes
  if (!type.startsWith('application/problem+json')) faults.push(`answers ${status} as ${type}`)
  if (known[String(json.code)]?.status !== status) faults.push(`has ${status} as ${json.code}`)
  return faults
}

/** The fields a problem names. */
export function namedFields({ json }: Answered): string[] {
  const fields: Json = json.fields ?? []
  return Array.isArray(fields)
    ? fields.map((field) => String(isJsonObject(field) ? field.field : field))
    : []
}
