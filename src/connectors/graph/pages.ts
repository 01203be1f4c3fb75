import type { GraphCall } from '../../core/call.ts'
import { AppError } from '../../core/errors.ts'
import { isJsonObject, type Json } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import type { Items } from '../microsoft/listText.ts'
import { callUrl, linkUrl } from './address.ts'
import type { GraphAnswer, GraphTransport } from './transport.ts'

/** What helps where a page brings more than is taken: the fields of a tenant that say how large. */
export const setSmallerPages =
  'Set smaller pages for the tenant (graph.userPageSize, graph.groupPageSize), and it is read.'

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

/**
 * The items of a list, page by page to its end. An endless list ends as a broken one. `skipBy`: see
 * `nextBySkip`.
 */
export async function* pagesOf(
  transport: GraphTransport,
  call: GraphCall,
  signal: AbortSignal,
  skipBy?: number,
): AsyncGenerator<Json[]> {
  const first = await transport.send(call, { signal })
  yield* pagesAfter(transport, call, first, signal, skipBy)
}

/** As `pagesOf`, from the first answer on. */
export async function* pagesAfter(
  transport: GraphTransport,
  call: GraphCall,
  first: GraphAnswer,
  signal: AbortSignal,
  skipBy: number | undefined,
): AsyncGenerator<Json[]> {
  let answer = first
  let current: string | undefined
  for (let page = 0; page < limits.syncPagesMax; page += 1) {
    yield itemsOf(answer)
    current = nextPage(transport, call, answer, current, skipBy)
    if (current === undefined) return
    answer = await transport.follow(current, call.cost, { signal })
  }
  throw brokenPage()
}

/** The address of the page behind an answer, which `current` led to; undefined on the last. */
export function nextPage(
  { graph }: GraphTransport,
  call: GraphCall,
  answer: GraphAnswer,
  current: string | undefined,
  skipBy: number | undefined,
): string | undefined {
  return (
    linkIn(answer, '@odata.nextLink', graph, current) ??
    nextBySkip(graph, call, { skipBy, items: itemsOf(answer), current })
  )
}

/**
 * The address of the next page of a list that names none itself: behind a full page of `skipBy`
 * objects there may be more. Each page says in `$skip` how many came before it.
 */
export function nextBySkip(
  graph: string,
  call: GraphCall,
  page: { skipBy: number | undefined; items: Items; current: string | undefined },
): string | undefined {
  const { skipBy, items, current } = page
  if (skipBy === undefined || items.length < skipBy) return undefined
  const before = current === undefined ? 0 : Number(new URL(current).searchParams.get('$skip'))
  const $skip = String(before + items.length)
  if (Number($skip) > limits.skipRowsMax) throw brokenPage()
  return callUrl(graph, { ...call, query: { ...call.query, $skip } }).href
}

export function itemsOf({ body }: GraphAnswer): Json[] {
  const items = isJsonObject(body) ? body.value : undefined
  if (!Array.isArray(items)) throw brokenPage()
  return items
}

/** As `itemsOf`, of an answer that was asked for as a list. */
export function listItemsOf({ items }: GraphAnswer): Items {
  if (items === undefined) throw brokenPage()
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

export function brokenObject({ title }: Model, reason: string): AppError {
  return new AppError(
    'microsoft-broken-answer',
    `Graph answered with a ${title} that is not one: ${reason}. Nothing of it was used.`,
  )
}
