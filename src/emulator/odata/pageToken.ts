import { createHmac } from 'node:crypto'
import { isJsonObject, type JsonObject } from '../../core/json.ts'

/**
 * Tokens of pages and of deltas: a client is to carry them and not to look inside. They are bound
 * to the query they were made for and say when they were made.
 */
export interface TokenKey {
  secret: Buffer
}

export function writeToken(key: TokenKey, content: JsonObject): string {
  const body = Buffer.from(JSON.stringify(content)).toString('base64url')
  return `${body}${digest(key, body)}`
}

/** What writeToken was given, or undefined for a text it did not make. */
export function readToken(key: TokenKey, text: string): JsonObject | undefined {
  const body = text.slice(0, -digestChars)
  if (text.slice(-digestChars) !== digest(key, body)) return undefined
  const content: unknown = JSON.parse(Buffer.from(body, 'base64url').toString('utf8'))
  return isJsonObject(content) ? content : undefined
}

const digestChars = 16

function digest(key: TokenKey, body: string): string {
  return createHmac('sha256', key.secret).update(body).digest('base64url').slice(0, digestChars)
}

/** The same for equal queries, whatever the order of their options. */
export function queryFingerprint(resource: string, options: URLSearchParams): string {
  const parts = [...options].filter(([name]) => name !== '$skiptoken' && name !== '$deltatoken')
  return JSON.stringify([resource.toLowerCase(), parts.sort()])
}
