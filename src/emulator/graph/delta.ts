import { deltaTokenDays, graphPages } from '../../catalogue/graphLimits.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import { changePosition, changesSince } from '../directory/changes.ts'
import { type Collected, collectChanges } from '../directory/collect.ts'
import { indexAfter } from '../directory/ordered.ts'
import type { DirectoryObject, Tenant } from '../directory/types.ts'
import type { Reply, Request } from '../exchange.ts'
import { badQuery, GraphRefusal, unsupportedQuery } from '../graphErrors.ts'
import { type FilterNode, parseFilter } from '../odata/filterParser.ts'
import { readToken, type TokenKey, writeToken } from '../odata/pageToken.ts'
import { projector } from '../odata/project.ts'
import { readSelect } from '../odata/select.ts'
import type { GraphCallContext } from './context.ts'
import { expiredPageToken } from './list.ts'
import { contextUrl, graphReply } from './reply.ts'

type DeltaType = 'user' | 'group'
type Relation = 'manager' | 'members' | 'owners'

/** What a round asks for, from its first request on; the tokens carry it. */
interface Round {
  type: DeltaType
  /** Absent: everything, and no relations. */
  select: string | null
  /** `id eq ... or id eq ...`: only these objects. */
  ids: string[] | null
  minimal: boolean
}

/** Where a round stands. `list` walks the objects, `changes` the log up to `until`. */
type Position =
  | { step: 'list'; since: number; after: number; memberAfter: number }
  | { step: 'changes'; since: number; until: number; done: number }

const relationsOf: Record<DeltaType, readonly Relation[]> = {
  user: ['manager'],
  group: ['members', 'owners'],
}

/** Answers `/users/delta` and `/groups/delta`. */
export function deltaReply(context: GraphCallContext, type: DeltaType): Reply {
  const { options, tenant } = context
  const now = changePosition(tenant.changes)
  const deltaText = options.get('$deltatoken')
  if (deltaText === 'latest') return lastPage(context, readRound(context, type), now, [])
  if (deltaText) {
    const { round, token, ageMs } = readDeltaToken(context, deltaText)
    if (ageMs > deltaTokenDays * 86_400_000) throw gone(context.request, round)
    const since = Number(token.since)
    if (changesSince(tenant.changes, since) === undefined) throw gone(context.request, round)
    return changesPage(context, round, { step: 'changes', since, until: now, done: 0 })
  }
  const pageText = options.get('$skiptoken')
  if (pageText === null) {
    const round = readRound(context, type)
    return listPage(context, round, { step: 'list', since: now, after: 0, memberAfter: 0 })
  }
  const { round, token, ageMs } = readDeltaToken(context, pageText)
  if (ageMs > limits.emulatorPageTokenMs) throw expiredPageToken()
  // Written by `nextPage` below and signed, so it is a Position.
  const position = token.position as unknown as Position
  return position.step === 'list'
    ? listPage(context, round, position)
    : changesPage(context, round, position)
}

function readRound(context: GraphCallContext, type: DeltaType): Round {
  const { options, request } = context
  for (const name of ['$expand', '$orderby', '$search']) {
    if (options.has(name)) throw unsupportedQuery(`${name} is not supported with delta.`)
  }
  const select = options.get('$select')
  readSelect(type, select)
  const minimal = /return=minimal/i.test(String(request.headers.prefer ?? ''))
  return { type, select, ids: readIds(options.get('$filter')), minimal }
}

function readIds(text: string | null): string[] | null {
  if (text === null) return null
  const ids = idsIn(parseFilter(text))
  if (ids === undefined || ids.length > graphPages.deltaIdsMax) {
    throw unsupportedQuery('Only id eq, joined by or, is supported in $filter with delta.')
  }
  return ids
}

function idsIn(node: FilterNode): string[] | undefined {
  if (node.op === 'eq' && node.path.join('/') === 'id') return [String(node.value).toLowerCase()]
  if (node.op !== 'or') return undefined
  const left = idsIn(node.left)
  const right = idsIn(node.right)
  return left === undefined || right === undefined ? undefined : [...left, ...right]
}

function readDeltaToken(
  context: GraphCallContext,
  text: string,
): { round: Round; token: JsonObject; ageMs: number } {
  const { state, tenant } = context
  const token = readToken(state.pageKey, text)
  if (token === undefined || token.tenant !== tenant.id) throw badQuery('Badly formed token.')
  // Signed by ourselves, so it is what `linkWith` wrote.
  const round = token.round as unknown as Round
  return { round, token, ageMs: state.clock.now() - Number(token.at) }
}

/** The request as if it came with a token from before the last so many changes. */
export function withEarlierDelta(key: TokenKey, request: Request, changes: number): Request {
  const options = new URLSearchParams(request.queryText)
  const token = readToken(key, options.get('$deltatoken') ?? '')
  if (token === undefined) return request
  const since = Math.max(0, Number(token.since) - changes)
  options.set('$deltatoken', writeToken(key, { ...token, since }))
  return { ...request, queryText: options.toString() }
}

/** The client has to begin again: the address to begin at stands in the header. */
export function gone(request: Request, round?: { select: string | null }): GraphRefusal {
  const select = round?.select ? `$select=${encodeURIComponent(round.select)}&` : ''
  return new GraphRefusal(410, 'resyncRequired', 'Resync is required. Replace any local state.', {
    headers: { location: `https://${request.host}${request.path}?${select}$deltatoken=` },
  })
}

/** A page of all objects as they are; groups with many members come in pieces. */
function listPage(
  context: GraphCallContext,
  round: Round,
  position: Extract<Position, { step: 'list' }>,
): Reply {
  const { tenant } = context
  const all: readonly DirectoryObject[] = round.type === 'user' ? tenant.users : tenant.groups
  const wanted = round.ids
  const items = wanted === null ? all : all.filter((object) => wanted.includes(object.id))
  const show = stateProjector(context, round)
  const value: Json[] = []
  let { after, memberAfter } = position
  let entries = 0
  let index = indexAfter(items, memberAfter > 0 ? after - 1 : after)
  while (index < items.length && entries < limits.emulatorDeltaPage) {
    const object = items[index]
    if (object === undefined) break
    const resumed = memberAfter > 0 && object.seq === after ? memberAfter : 0
    const piece = pieceOf(object, relationsIn(round), resumed, limits.emulatorDeltaPage - entries)
    value.push({ ...show(object), ...piece.links })
    entries += 1 + piece.size
    after = object.seq
    memberAfter = piece.memberAfter
    if (memberAfter > 0) break
    index += 1
  }
  if (index < items.length) {
    return nextPage(context, round, { ...position, after, memberAfter }, value)
  }
  return lastPage(context, round, position.since, [...value, ...removedBefore(tenant, round)])
}

/** The ends of an object's relations: of the members as many as there is room for. */
function pieceOf(
  object: DirectoryObject,
  relations: readonly Relation[],
  resumed: number,
  room: number,
): { links: JsonObject; size: number; memberAfter: number } {
  const links: JsonObject = {}
  let size = 0
  let memberAfter = 0
  for (const relation of relations) {
    if (resumed > 0 && relation !== 'members') continue
    const ends = endsOf(object, relation)
    const from = relation === 'members' ? indexAfter(ends, resumed) : 0
    const part = relation === 'members' ? ends.slice(from, from + room) : ends
    if (relation === 'members' && from + part.length < ends.length) {
      memberAfter = part[part.length - 1]?.seq ?? 0
    }
    if (part.length > 0) links[`${relation}@delta`] = part.map(linkItem)
    size += part.length
  }
  return { links, size, memberAfter }
}

/** What was deleted a while ago is told in a first round too. */
function removedBefore(tenant: Tenant, round: Round): Json[] {
  return [...tenant.deleted.values()]
    .filter(({ object }) => object.type === round.type && (round.ids?.includes(object.id) ?? true))
    .map(({ object }) => ({ id: object.id, '@removed': { reason: 'changed' } }))
}

function changesPage(
  context: GraphCallContext,
  round: Round,
  position: Extract<Position, { step: 'changes' }>,
): Reply {
  const { tenant } = context
  const log = changesSince(tenant.changes, position.since)
  if (log === undefined) throw gone(context.request, round)
  const tracked = round.select === null ? undefined : readSelect(round.type, round.select)
  const collected = collectChanges(log.slice(0, position.until - position.since), {
    type: round.type,
    properties: tracked,
    relations: relationsIn(round),
    ids: round.ids,
  })
  const page = collected.slice(position.done, position.done + limits.emulatorDeltaPage)
  const show = stateProjector(context, round)
  const value = page.map((item) => changedItem(tenant, item, round, show))
  const done = position.done + page.length
  return done < collected.length
    ? nextPage(context, round, { ...position, done }, value)
    : lastPage(context, round, position.until, value)
}

function changedItem(
  tenant: Tenant,
  item: Collected,
  round: Round,
  show: (object: DirectoryObject) => JsonObject,
): Json {
  const object = tenant.byId.get(item.id)
  if (object === undefined) {
    const reason = tenant.deleted.has(item.id) ? 'changed' : 'deleted'
    return { id: item.id, '@removed': { reason } }
  }
  const { properties } = item
  const state = show(object)
  const told: JsonObject =
    round.minimal && properties !== undefined
      ? Object.fromEntries(
          Object.entries(state).filter(([name]) => name === 'id' || properties.includes(name)),
        )
      : state
  for (const relation of relationsIn(round)) {
    const ends = item.isNew
      ? endsOf(object, relation).map(linkItem)
      : [...item.links.values()]
          .filter((link) => link.relation === relation)
          .map((link) => ({
            '@odata.type': `#microsoft.graph.${link.otherType}`,
            id: link.otherId,
            ...(link.added ? {} : { '@removed': { reason: 'deleted' } }),
          }))
    if (ends.length > 0) told[`${relation}@delta`] = ends
  }
  return told
}

/** The selected properties, and always the id. */
function stateProjector(
  context: GraphCallContext,
  round: Round,
): (object: DirectoryObject) => JsonObject {
  const names = readSelect(round.type, round.select)
  return projector(context.tenant, round.type, names.includes('id') ? names : ['id', ...names])
}

function relationsIn(round: Round): readonly Relation[] {
  const names = (round.select ?? '').split(',').map((name) => name.trim())
  return relationsOf[round.type].filter((relation) => names.includes(relation))
}

function endsOf(object: DirectoryObject, relation: Relation): readonly DirectoryObject[] {
  if (object.type === 'group') return relation === 'manager' ? [] : object[relation]
  return object.manager === undefined ? [] : [object.manager]
}

function linkItem(object: DirectoryObject): Json {
  return { '@odata.type': `#microsoft.graph.${object.type}`, id: object.id }
}

function nextPage(
  context: GraphCallContext,
  round: Round,
  position: Position,
  value: Json[],
): Reply {
  const link = linkWith(context, '$skiptoken', round, { position: { ...position } })
  return page(context, round, { '@odata.nextLink': link }, value)
}

function lastPage(context: GraphCallContext, round: Round, since: number, value: Json[]): Reply {
  const link = linkWith(context, '$deltatoken', round, { since })
  return page(context, round, { '@odata.deltaLink': link }, value)
}

function linkWith(
  context: GraphCallContext,
  parameter: '$skiptoken' | '$deltatoken',
  round: Round,
  more: JsonObject,
): string {
  const { request, state, tenant } = context
  const content = { at: state.clock.now(), tenant: tenant.id, round: { ...round }, ...more }
  return `https://${request.host}${request.path}?${parameter}=${writeToken(state.pageKey, content)}`
}

function page(context: GraphCallContext, round: Round, link: JsonObject, value: Json[]): Reply {
  const selected = round.select === null ? '' : `(${round.select})`
  const body = {
    '@odata.context': contextUrl(context.request, `${round.type}s${selected}`),
    ...link,
    value,
  }
  return graphReply(200, JSON.stringify(body), { type: round.type, many: true }, value.length)
}
