import { isUtf8 } from 'node:buffer'
import type { Json } from '../../core/json.ts'
import type { Answer } from '../../net/answer.ts'

/**
 * The body of an answer as JSON, or undefined when it is not: another content type (a sign-in page
 * with status 200), cut short, empty, or not UTF-8.
 */
export function parseJson({ headers, body }: Answer): Json | undefined {
  const type = headers['content-type'] ?? ''
  if (!/^application\/([\w.-]+\+)?json\s*(;|$)/i.test(type) || !isUtf8(body)) return undefined
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
