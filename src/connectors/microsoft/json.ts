import { isUtf8 } from 'node:buffer'
import type { AppError } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import type { Answer } from '../../net/answer.ts'
import { cutList, type ListText } from './listText.ts'

/**
 * The body of an answer as JSON, or undefined when it is not: another content type (a sign-in page
 * with status 200), cut short, empty, or not UTF-8.
 */
export function parseJson(answer: Answer): Json | undefined {
  if (!isJsonText(answer)) return undefined
  try {
    return JSON.parse(answer.body.toString('utf8'))
  } catch {
    return undefined
  }
}

/** The body as a page of a list (see `cutList`), or undefined when it is none. */
export function parseList(answer: Answer, broken: () => AppError): ListText | undefined {
  return isJsonText(answer) ? cutList(answer.body, broken) : undefined
}

function isJsonText({ headers, body }: Answer): boolean {
  const type = headers['content-type'] ?? ''
  return /^application\/([\w.-]+\+)?json\s*(;|$)/i.test(type) && isUtf8(body)
}
