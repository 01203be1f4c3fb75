import type { GraphCall } from '../../core/call.ts'
import { AppError } from '../../core/errors.ts'
import { isJsonObject, type Json } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import { linkUrl } from './address.ts'
import type { GraphAnswer, GraphTransport } from './transport.ts'

export function getCall(
  path: readonly string[],
  query: Readonly<Record<string, string>>,
  cost: number,
): GraphCall {
  return { wire: 'graph', method: 'GET', path, query, body: undefined, cost }
}

/** What was read, or undefined when the service says that the object is not there. */
export async function unlessGone<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read
  } catch (error) {
    if (error instanceof AppError && error.code === 'microsoft-not-found') return undefined
    throw error
  }
}

/** The items of a list, page by page to its end. An endless list ends as a broken one. */
export async function* pagesOf(
  transport: GraphTransport,
  call: GraphCall,
  signal: AbortSignal,
): AsyncGenerator<Json[]> {
  let answer = await transport.send(call, { signal })
  let current: string | undefined
  for (let page = 0; page < limits.syncPagesMax; page += 1) {
    yield itemsOf(answer)
    current = linkIn(answer, '@odata.nextLink', transport.graph, current)
    if (current === undefined) return
    answer = await transport.follow(current, call.cost, { signal })
  }
  throw brokenPage()
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
