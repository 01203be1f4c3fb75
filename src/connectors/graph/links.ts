import { entityType } from '../../catalogue/graph.ts'
import { graphPages } from '../../catalogue/graphLimits.ts'
import type { GraphCall } from '../../core/call.ts'
import { AppError } from '../../core/errors.ts'
import { isJsonObject, type Json } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import { inParallel } from '../../core/parallel.ts'
import type { ObjectLinks } from '../../core/readObject.ts'
import { sendInBatches } from './batch.ts'
import { graphCost } from './cost.ts'
import { odataFilter } from './filter.ts'
import { isKey } from './objects.ts'
import { brokenPage, getCall, itemsOf, nextPage, pagesAfter, setSmallerPages } from './pages.ts'
import { pathOf, sublistReading } from './reading.ts'
import type { GraphAnswer, GraphTransport } from './transport.ts'

/**
 * The sub-lists of many objects (`groups/{id}/members`), each read to its end, keys in order. An
 * object that is gone is absent from the answer; any other failure fails the whole, so that no list
 * is half read. Throws `too-large` when they are more than one page of objects should bring.
 *
 * Each list is read by the cheapest way its size allows; what costs is resource units (800 a second
 * in a large tenant) and round trips (0.1 s and more). For n lists of m entries:
 *
 * | way | units | requests |
 * |---|---|---|
 * | `$expand` in a list of 15 objects by their ids, in batches of 20 | n / 15 | n / 300 |
 * | the list itself, 999 entries a page, first pages in batches of 20 | 2 a page | n / 20 |
 * | the list itself, alone | 2 a page | n |
 * | delta with `$select=members`, about 200 entries a page | not told | n (1 + m) / 200 |
 *
 * `$expand` cuts off at 20 entries without a word. So all are asked for by it first, fifteen for a
 * unit where the lists cost thirty, and those that show 20 entries, which may be all or not, are
 * read as lists. It pays as soon as one in thirty is small; where none is, it costs a thirtieth
 * more. A delta would be 400,000 members in 2,100 requests that wait for each other (five minutes;
 * read as lists 40 s), and was seen to repeat each large group ten times: it only tells which
 * objects to read again.
 */
export async function readAllLinks(
  transport: GraphTransport,
  model: Model,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, ObjectLinks>> {
  const found = new Map<string, ObjectLinks>(keys.map((key) => [key, {}]))
  const lists = model.links.flatMap(({ kind, call }) =>
    call === undefined ? [] : keys.map((key): Sublist => ({ kind, key, call })),
  )
  const read: ReadLists = { transport, model, signal, found, room: limits.linkKeysMax }
  await expandSmall(read, lists)
  await readLists(
    read,
    lists.filter(({ kind, key }) => found.get(key)?.[kind] === undefined),
  )
  return found
}

interface Sublist {
  kind: string
  key: string
  call: string
}

interface ReadLists {
  transport: GraphTransport
  model: Model
  signal: AbortSignal
  found: Map<string, ObjectLinks>
  /** Keys that may still come. */
  room: number
}

/**
 * As many as the plain `in` of a filter takes (learn.microsoft.com/graph/filter-query-parameter).
 * The objects of such a list are fewer than a page.
 */
const idsPerFilter = 15
/** Collections of the directory, whose relations `$expand` shows up to `graphPages.expandMax`. */
const expandable: ReadonlySet<string> = new Set(['groups', 'users'])

/** Reads what is small; what is not, or is not among the answers, stays open. */
async function expandSmall(read: ReadLists, lists: readonly Sublist[]): Promise<void> {
  const { transport, model, signal } = read
  const relations = new Set(entityType(model.noun)?.navigation.map(({ name }) => name))
  const eligible = expandable.has(model.list.call) && model.key === 'id'
  const asked = [...Map.groupBy(lists, ({ call }) => call)].flatMap(([call, group]) =>
    // One is as well read as a list at once.
    eligible && relations.has(call) && group.length > 1 ? chunks(group, idsPerFilter) : [],
  )
  const calls = asked.map((group) => expandCall(model, group))
  await sendInBatches(transport, calls, { signal }, (answer, index) => {
    const group = new Map(asked[index]?.map((list) => [list.key, list]))
    for (const item of itemsOf(answerOrThrow(answer))) {
      const list = isJsonObject(item) && typeof item.id === 'string' && group.get(item.id)
      const entries = list && isJsonObject(item) ? item[list.call] : undefined
      const whole = Array.isArray(entries) && entries.length < graphPages.expandMax
      if (list && whole) keep(read, list, entries.map(keyOf))
    }
  })
}

function expandCall(model: Model, group: readonly Sublist[]): GraphCall {
  const [first] = group
  const values = group.map(({ key }) => key)
  const query = {
    $filter: odataFilter({ op: 'in', property: model.key, values }, model.properties),
    $select: model.key,
    $expand: `${first?.call}($select=id)`,
  }
  return getCall(pathOf(model.list.call), query, graphCost('GET', model.list.call, query))
}

interface FirstPage {
  list: Sublist
  call: GraphCall
  answer: GraphAnswer
  skipBy?: number
}

/** First pages in batches; what has more of them is read on by itself, some lists at a time. */
async function readLists(read: ReadLists, lists: readonly Sublist[]): Promise<void> {
  const { transport, model, signal, found } = read
  const long: FirstPage[] = []
  const reads = lists.map((list) => ({ list, ...listCall(model, list) }))
  const calls = reads.map(({ call }) => call)
  await sendInBatches(transport, calls, { signal }, (answer, index) => {
    const one = reads[index]
    if (one === undefined) return
    const { list, call, skipBy } = one
    if (answer instanceof AppError && answer.code === 'microsoft-not-found') {
      found.delete(list.key)
      return
    }
    const first = answerOrThrow(answer)
    if (nextPage(transport, call, first, undefined, skipBy) === undefined) {
      keep(read, list, itemsOf(first).map(keyOf))
    } else long.push({ ...one, answer: first })
  })
  await inParallel(long, limits.partReadsInFlight, (first) => readOn(read, first))
}

function listCall(model: Model, { call, key }: Sublist): { call: GraphCall; skipBy?: number } {
  const { template, query, cost, skipBy } = sublistReading(model, call)
  return {
    call: getCall(pathOf(template, key), query, cost),
    ...(skipBy === undefined ? {} : { skipBy }),
  }
}

async function readOn(read: ReadLists, { list, call, answer, skipBy }: FirstPage): Promise<void> {
  const { transport, model, signal, found } = read
  const keys = new Set<string>()
  const pages = pagesAfter(transport, call, answer, signal, skipBy)
  let repeats = 0
  try {
    for await (const page of pages) {
      const before = keys.size
      for (const item of page) keys.add(keyOf(item))
      if (keys.size > read.room) throw tooMany(model)
      // A list names nobody twice, so such pages in a row are of one that does not end.
      repeats = keys.size > before ? 0 : repeats + 1
      if (repeats >= limits.pagesRepeatedMax) throw brokenPage()
    }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'microsoft-not-found') throw error
    found.delete(list.key)
    return
  }
  keep(read, list, keys)
}

/** An object of which another list was not found is gone, and stays so. */
function keep(read: ReadLists, { key, kind }: Sublist, keys: Iterable<string>): void {
  const links = read.found.get(key)
  if (links === undefined) return
  const sorted = [...new Set(keys)].sort()
  read.room -= sorted.length
  if (read.room < 0) throw tooMany(read.model)
  links[kind] = sorted
}

function answerOrThrow(answer: GraphAnswer | AppError): GraphAnswer {
  if (answer instanceof AppError) throw answer
  return answer
}

function keyOf(item: Json): string {
  const id = isJsonObject(item) ? item.id : undefined
  if (!isKey(id)) throw brokenPage()
  return id
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  const found: T[][] = []
  for (let from = 0; from < items.length; from += size) found.push(items.slice(from, from + size))
  return found
}

function tooMany({ title }: Model): AppError {
  return new AppError(
    'too-large',
    `What one page of the model ${title} is linked with is more than ${limits.linkKeysMax} keys. Nothing of the page was used. ${setSmallerPages}`,
  )
}
