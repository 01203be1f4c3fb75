import { graphPages } from '../../catalogue/graphLimits.ts'
import { limits } from '../../core/limits.ts'
import { indexAfter } from '../directory/ordered.ts'
import type { Entity } from '../directory/types.ts'
import type { Reply } from '../exchange.ts'
import { queryFingerprint, readToken, writeToken } from '../odata/pageToken.ts'
import { projector } from '../odata/project.ts'
import { readSelect } from '../odata/select.ts'
import { type GraphCallContext, wantsEventual } from './context.ts'
import { badQuery, GraphRefusal, refuse } from './errors.ts'
import { contextUrl, graphReply } from './reply.ts'

export interface ListSource {
  /** The catalogue's entity type of the items. */
  type: string
  /** In the order of `seq`. */
  items: readonly Entity[]
  /** What `@odata.context` calls it: `users`. */
  contextName: string
}

/** Answers a list with `$select`, `$top`, `$count` and a page token. */
export function listReply(context: GraphCallContext, source: ListSource): Reply {
  const { options, request, tenant } = context
  const select = readSelect(source.type, options.get('$select'))
  const pageSize = readTop(options.get('$top'))
  const after = readPosition(context)
  const start = indexAfter(source.items, after)
  const page = source.items.slice(start, start + pageSize)
  const last = page[page.length - 1]
  const more = start + page.length < source.items.length && last !== undefined
  const selected = options.has('$select') ? `(${select.join(',')})` : ''
  const head: Record<string, unknown> = {
    '@odata.context': contextUrl(request.host, source.contextName + selected),
  }
  if (wantsEventual(context) && options.get('$count') === 'true' && after === 0) {
    head['@odata.count'] = source.items.length
  }
  if (more) head['@odata.nextLink'] = nextLink(context, last.seq)
  const value = page.map(projector(tenant, source.type, select))
  return graphReply(
    200,
    JSON.stringify({ ...head, value }),
    { type: source.type, many: true },
    page.length,
  )
}

function readTop(text: string | null): number {
  if (text === null) return graphPages.directoryDefault
  const size = Number(text)
  if (!Number.isInteger(size) || size < 0) {
    throw badQuery(
      `Invalid value '${text}' for $top query option found. The $top query option requires a non-negative integer value.`,
    )
  }
  if (size < 1 || size > graphPages.directoryMax) throw refuse('$top too large', {})
  return size
}

function readPosition(context: GraphCallContext): number {
  const text = context.options.get('$skiptoken')
  if (text === null) return 0
  const token = readToken(context.state.pageKey, text)
  if (token?.query !== queryFingerprint(context.resource, context.options)) {
    throw badQuery('The $skiptoken of this request does not belong to its query.')
  }
  if (context.state.clock.now() - Number(token.at) > limits.emulatorPageTokenMs) {
    throw new GraphRefusal(
      400,
      'Directory_ExpiredPageToken',
      'The specified page token value has expired and can no longer be included in your request.',
    )
  }
  return Number(token.after)
}

function nextLink(context: GraphCallContext, after: number): string {
  const { request, resource, options, state } = context
  const token = writeToken(state.pageKey, {
    after,
    at: state.clock.now(),
    query: queryFingerprint(resource, options),
  })
  const kept = request.queryText
    .split('&')
    .filter((part) => part !== '' && !/^(\$|%24)skiptoken=/i.test(part))
  return `https://${request.host}${request.path}?${[...kept, `$skiptoken=${token}`].join('&')}`
}
