import type { GraphCall } from '../../core/call.ts'
import { AppError } from '../../core/errors.ts'
import type { Filter } from '../../core/filter.ts'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import { isRejected } from '../../core/readObject.ts'
import type { DeltaPage, Page, Wire } from '../../core/wire.ts'
import type { Items } from '../microsoft/listText.ts'
import { ownUrl } from './address.ts'
import { foldDelta } from './delta.ts'
import { bothFilters, plainFilter } from './filter.ts'
import { readAllLinks } from './links.ts'
import type { ObjectReader } from './objects.ts'
import {
  brokenObject,
  brokenPage,
  getCall,
  linkIn,
  listItemsOf,
  nextBySkip,
  setSmallerPages,
  unlessGone,
} from './pages.ts'
import { compileModel, type GraphModel, pathOf, type Reading } from './reading.ts'
import { planShards } from './shards.ts'
import type { GraphAnswer, GraphTransport } from './transport.ts'
import { notDeclared } from './writes.ts'
import { graphWriting } from './writing.ts'

/**
 * Graph as the engine sees it, for one tenant. Cursors are the links Graph gave. `pageSize`: how
 * many objects per page, where the model itself does not say.
 */
export function createGraphWire(
  transport: GraphTransport,
  pageSize: (model: Model) => number = () => limits.graphPageMax,
): Wire {
  const compile = rememberCompiled(pageSize)
  return {
    async list(model, cursor, signal, filter) {
      const { list: whole, reader } = compile(model)
      const list = narrowed(whole, model, filter)
      const answer = await readPage(transport, list, cursor, signal)
      const items = listItemsOf(answer)
      const next =
        linkIn(answer, '@odata.nextLink', transport.graph, cursor) ??
        nextBySkip(transport.graph, listCall(list), { skipBy: list.skipBy, items, current: cursor })
      return { ...readObjects(reader, items, list.expanded), next }
    },

    shards: (model, now, signal, filter) =>
      planShards(transport, model, narrowed(compile(model).list, model, filter), now, signal),

    async deltaNow(model, signal) {
      const reading = deltaReading(model, compile(model))
      const query = { ...reading.query, $deltatoken: 'latest' }
      const answer = await readPage(transport, { ...reading, query }, undefined, signal)
      const resume = linkIn(answer, '@odata.deltaLink', transport.graph, undefined)
      if (resume === undefined) throw brokenPage()
      return resume
    },

    async delta(model, cursor, signal) {
      const compiledModel = compile(model)
      const reading = deltaReading(model, compiledModel)
      // It was a link of this tenant's when it was stored; its cloud may be another since.
      if (ownUrl(transport.graph, cursor) === undefined) throw placeLost(model)
      const answer = await readPage(transport, reading, cursor, signal)
      return readDelta(compiledModel.reader, answer, transport.graph, cursor)
    },

    async get(model, key, signal) {
      const { get, reader } = compile(model)
      if (get === undefined) throw notDeclared(model, 'get')
      const call = getCall(pathOf(get.template, key), get.query, get.cost)
      const answer = await unlessGone(transport.send(call, { signal, eventual: get.eventual }))
      if (answer === undefined) return undefined
      const read = reader.read(answer.body ?? null, get.expanded)
      if (isRejected(read)) throw brokenObject(model, read.reason)
      return read
    },

    links: (model, keys, signal) => readAllLinks(transport, model, keys, signal),

    ...graphWriting(transport, compile),
  }
}

/** Compiling takes longer than reading a page, so it is done once per model. */
function rememberCompiled(pageSize: (model: Model) => number): (model: Model) => GraphModel {
  const compiled = new WeakMap<Model, GraphModel>()
  return (model) => {
    const known = compiled.get(model) ?? compileModel(model, pageSize(model))
    compiled.set(model, known)
    return known
  }
}

/** The list without what Graph can leave out by itself. */
function narrowed(list: Reading, model: Model, filter: Filter | undefined): Reading {
  const text = filter && plainFilter(filter, model)
  if (text === undefined) return list
  return { ...list, query: { ...list.query, $filter: bothFilters(list.query.$filter, text) } }
}

function placeLost({ title }: Model): AppError {
  return new AppError(
    'microsoft-token-expired',
    `The place up to which changes of ${title} were read is at another address than the tenant's.`,
  )
}

/** The first page of a reading, or the one its cursor leads to. */
async function readPage(
  transport: GraphTransport,
  reading: Reading,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<GraphAnswer> {
  const { cost, eventual } = reading
  const options = { signal, eventual, list: true }
  try {
    if (cursor !== undefined) return await transport.follow(cursor, cost, options)
    return await transport.send(listCall(reading), options)
  } catch (error) {
    throw error instanceof AppError && error.code === 'too-large' ? withRemedy(error) : error
  }
}

function withRemedy(error: AppError): AppError {
  return new AppError(error.code, `${error.message} ${setSmallerPages}`, { cause: error })
}

function listCall({ template, query, cost }: Reading): GraphCall {
  return getCall(pathOf(template), query, cost)
}

function readObjects(
  reader: ObjectReader,
  items: Items,
  expanded: ReadonlySet<string>,
): Omit<Page, 'next'> {
  return {
    size: items.length,
    objects: {
      *[Symbol.iterator]() {
        for (const item of items) yield reader.read(item, expanded)
      },
    },
  }
}

const nothingExpanded: ReadonlySet<string> = new Set()

function readDelta(
  reader: ObjectReader,
  answer: GraphAnswer,
  graph: string,
  cursor: string,
): DeltaPage {
  const { present, removed } = foldDelta(listItemsOf(answer), reader.keyOf)
  const page = readObjects(reader, present, nothingExpanded)
  const next = linkIn(answer, '@odata.nextLink', graph, cursor)
  const resume = linkIn(answer, '@odata.deltaLink', graph, cursor)
  if (next === undefined && resume === undefined) throw brokenPage()
  return { ...page, removed, next, resume }
}

function deltaReading(model: Model, { delta }: GraphModel): Reading {
  if (delta === undefined) throw notDeclared(model, 'delta')
  return delta
}
