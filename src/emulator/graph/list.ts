import { graphPages } from '../../catalogue/graphLimits.ts'
import { limits } from '../../core/limits.ts'
import { indexAfter } from '../directory/ordered.ts'
import type { Entity } from '../directory/types.ts'
import type { Reply } from '../exchange.ts'
import { badQuery, GraphRefusal, refuse, unsupportedQuery } from '../graphErrors.ts'
import { expander, readExpand, shownIn } from '../odata/expand.ts'
import { compileFilter } from '../odata/filterMatch.ts'
import { type FilterNode, parseFilter } from '../odata/filterParser.ts'
import { checkFilter } from '../odata/filterRules.ts'
import { withinIds } from '../odata/idIndex.ts'
import { type Compare, compileOrder, sortingRefused } from '../odata/orderby.ts'
import { queryFingerprint, readToken, writeToken } from '../odata/pageToken.ts'
import { type Projector, typedProjector } from '../odata/project.ts'
import { compileSearch } from '../odata/search.ts'
import { countWithin, withinTimes } from '../odata/timeIndex.ts'
import { type GraphCallContext, isAdvanced, wantsEventual } from './context.ts'
import { contextUrl, graphReply } from './reply.ts'

export interface ListSource {
  /** The catalogue's entity types of the items. */
  types: readonly [string, ...string[]]
  /** In the order of `seq`. */
  items: readonly Entity[]
  /** What `@odata.context` calls it: `users`. */
  contextName: string
  /** Whether each item says its type: lists of directory objects do. */
  marked?: boolean
  /** How an item is shown, where it is not an object with properties to choose from. */
  show?: Projector
}

/** Answers a list with all that a query may ask of it, page by page. */
export function listReply(context: GraphCallContext, whole: ListSource): Reply {
  const { options, request } = context
  refuseUnsupported(context)
  const filter = readFilter(options)
  const matches = readMatches(context, whole, filter, isAdvanced(context))
  const within = withinIds(context.tenant, whole.items, filter)
  const source = { ...whole, items: withinTimes(context.tenant, within, filter) }
  const compare = readOrder(context, source)
  const pageSize = readTop(options)
  const after = readPosition(context)
  const { page, more } =
    compare === undefined
      ? takePage(source.items, matches, after, pageSize)
      : takeSorted(source.items.filter(matches ?? (() => true)).sort(compare), after, pageSize)
  const show = itemProjector(context, source)
  const expansions = readExpand(source.types[0], options.get('$expand'))
  const shown = shownIn(options.get('$select'), expansions)
  const head: Record<string, unknown> = {
    '@odata.context': contextUrl(request, source.contextName + shown),
  }
  if (isAdvanced(context) && after === 0) {
    head['@odata.count'] = matches === undefined ? source.items.length : count(source, matches)
  }
  const last = page[page.length - 1]
  if (more && last !== undefined) head['@odata.nextLink'] = nextLink(context, last.seq)
  const body = JSON.stringify({ ...head, value: page.map(show) })
  const reply = graphReply(200, body, { type: source.types[0], many: true }, page.length)
  return source.show === undefined ? reply : { ...reply, shape: undefined }
}

/** Answers `/users/$count` and the like: a bare number, and only to advanced queries. */
export function countReply(context: GraphCallContext, whole: ListSource): Reply {
  if (!wantsEventual(context)) throw badQuery('$count is not currently supported.')
  const filter = readFilter(context.options)
  const matches = readMatches(context, whole, filter, true)
  const { items } = whole
  // What a search finds no index knows.
  const bounds = context.options.has('$search') ? undefined : filter
  const number =
    matches === undefined ? items.length : countWithin(context.tenant, items, bounds, matches)
  return { status: 200, headers: { 'content-type': 'text/plain' }, body: String(number), rows: 1 }
}

type Test = (entity: Entity) => boolean

function takePage(
  items: readonly Entity[],
  matches: Test | undefined,
  after: number,
  size: number,
): { page: Entity[]; more: boolean } {
  const start = indexAfter(items, after)
  if (matches === undefined) {
    return { page: items.slice(start, start + size), more: start + size < items.length }
  }
  const page: Entity[] = []
  for (let index = start; index < items.length; index++) {
    const item = items[index]
    if (item === undefined || !matches(item)) continue
    if (page.length === size) return { page, more: true }
    page.push(item)
  }
  return { page, more: false }
}

/** Sorted anew for each page: a token for an object that has gone since is no longer known. */
function takeSorted(
  sorted: readonly Entity[],
  after: number,
  size: number,
): { page: Entity[]; more: boolean } {
  const last = sorted.findIndex((item) => item.seq === after)
  if (after > 0 && last < 0) throw expiredPageToken()
  const start = last + 1
  return { page: sorted.slice(start, start + size), more: start + size < sorted.length }
}

function count(source: ListSource, matches: Test): number {
  return source.items.reduce((sum, item) => sum + Number(matches(item)), 0)
}

function itemProjector(context: GraphCallContext, source: ListSource): Projector {
  if (source.show !== undefined) return source.show
  const { options, tenant } = context
  const [type] = source.types
  const show = typedProjector(tenant, source.types, options.get('$select'), source.marked === true)
  const expansions = readExpand(type, options.get('$expand'))
  if (expansions.length === 0) return show
  const expand = expander(tenant, type, expansions)
  return (entity) => expand(entity, show(entity))
}

/** What would change the answer if it were ignored is refused instead. */
function refuseUnsupported(context: GraphCallContext): void {
  const { options } = context
  if (options.has('$skip')) throw unsupportedQuery("'$skip' is not supported by the service.")
  if (options.has('$search') && !wantsEventual(context)) throw refuse('$search without header')
  if (options.has('$expand') && isAdvanced(context)) {
    throw unsupportedQuery('$expand is not supported with advanced query parameters.')
  }
}

function readFilter(options: URLSearchParams): FilterNode | undefined {
  const text = options.get('$filter')
  return text === null ? undefined : parseFilter(text)
}

/** What `$filter` and `$search` let through; undefined when there is neither. */
function readMatches(
  context: GraphCallContext,
  source: ListSource,
  filter: FilterNode | undefined,
  advanced: boolean,
): Test | undefined {
  const { options, tenant } = context
  const [type] = source.types
  const searchText = options.get('$search')
  if (filter !== undefined) checkFilter(type, filter, advanced)
  const passes = filter === undefined ? undefined : compileFilter(tenant, type, filter)
  if (searchText === null) return passes
  if (source.marked === true) throw unsupportedQuery("'$search' is not supported by the service.")
  const found = compileSearch(tenant, type, searchText)
  return passes === undefined ? found : (entity) => passes(entity) && found(entity)
}

function readOrder(context: GraphCallContext, source: ListSource): Compare | undefined {
  const { options, tenant } = context
  const text = options.get('$orderby')
  if (text === null) return undefined
  if (source.marked === true) throw sortingRefused()
  const narrowed = options.has('$filter') || options.has('$search')
  return compileOrder(tenant, source.types[0], text, { advanced: isAdvanced(context), narrowed })
}

function readTop(options: URLSearchParams): number {
  const withActivity = /signInActivity/i.test(
    `${options.get('$select') ?? ''} ${options.get('$filter') ?? ''}`,
  )
  const most = withActivity ? graphPages.withSignInActivity : graphPages.directoryMax
  const text = options.get('$top')
  if (text === null) return graphPages.directoryDefault
  const size = Number(text)
  if (!Number.isInteger(size) || size < 0) {
    throw badQuery(
      `Invalid value '${text}' for $top query option found. The $top query option requires a non-negative integer value.`,
    )
  }
  if (size < 1 || size > most) {
    throw unsupportedQuery(
      `Invalid page size specified: '${size}'. Must be between 1 and ${most} inclusive.`,
    )
  }
  return size
}

function readPosition(context: GraphCallContext): number {
  const { options, resource, state } = context
  const text = options.get('$skiptoken')
  if (text === null) return 0
  const token = readToken(state.pageKey, text)
  if (token?.query !== queryFingerprint(resource, options)) {
    throw badQuery('The $skiptoken of this request does not belong to its query.')
  }
  if (state.clock.now() - Number(token.at) > limits.emulatorPageTokenMs) throw expiredPageToken()
  return Number(token.after)
}

export function expiredPageToken(): GraphRefusal {
  return new GraphRefusal(
    400,
    'Directory_ExpiredPageToken',
    'The specified page token value has expired and can no longer be included in your request.',
  )
}

function nextLink(context: GraphCallContext, after: number): string {
  const { request, resource, options, state } = context
  const query = queryFingerprint(resource, options)
  const token = writeToken(state.pageKey, { after, at: state.clock.now(), query })
  const kept = request.queryText
    .split('&')
    .filter((part) => part !== '' && !/^(\$|%24)skiptoken=/i.test(part))
  return `https://${request.host}${request.path}?${[...kept, `$skiptoken=${token}`].join('&')}`
}
