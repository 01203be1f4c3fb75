import type { GraphCall } from '../../core/call.ts'
import { AppError } from '../../core/errors.ts'
import { isJsonObject, type Json } from '../../core/json.ts'
import { linkUrl } from './address.ts'
import type { GraphAnswer } from './transport.ts'

export function getCall(
  path: readonly string[],
  query: Readonly<Record<string, string>>,
  cost: number,
): GraphCall {
  return { wire: 'graph', method: 'GET', path, query, body: undefined, cost }
}

/** The answer, or undefined when the service says that the object is not there. */
export async function unlessGone(answer: Promise<GraphAnswer>): Promise<GraphAnswer | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof AppError && error.code === 'microsoft-not-found') return undefined
    throw error
  }
}

export function itemsOf({ body }: GraphAnswer): Json[] {
  const items = isJsonObject(body) ? body.value : undefined
  if (!Array.isArray(items)) throw brokenPage()
  return items
}

/** A link of an answer, checked; the link that led here would make the list endless. */
export function linkIn(
  { body }: GraphAnswer,
  name: '@odata.nextLink' | '@odata.deltaLink',
  graph: string,
  current: string | undefined,
): string | undefined {
  const link = isJsonObject(body) ? body[name] : undefined
  if (link === undefined || link === null) return undefined
  const { href } = linkUrl(graph, link)
  if (href === current && name === '@odata.nextLink') throw brokenPage()
  return href
}

export function brokenPage(): AppError {
  return new AppError(
    'microsoft-broken-answer',
    'A page from Graph is not a page: its list or its links are missing or repeat. Nothing of it was used.',
  )
}
