import { graphPages } from '../../catalogue/graphLimits.ts'
import type { CallBody, GraphCall } from '../../core/call.ts'
import { AppError } from '../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import { inParallel } from '../../core/parallel.ts'
import { backoffMs, pause } from '../microsoft/backoff.ts'
import { type LaneNews, laneNews } from '../microsoft/laneNews.ts'
import { retryAfterMs } from '../microsoft/retryAfter.ts'
import { callUrl, operationName } from './address.ts'
import { writesOf } from './cost.ts'
import { brokenAnswer, forLater, graphError } from './errors.ts'
import type { GraphAnswer, GraphTransport } from './transport.ts'

export interface BatchOptions {
  signal: AbortSignal
  /** As of one call: reads the index that advanced queries need. */
  eventual?: boolean
}

/** How one call of many ended: `index` is its place among those given. */
export type TakeAnswer = (answer: GraphAnswer | AppError, index: number) => void | Promise<void>

/**
 * Sends many calls, twenty in one request (`$batch`, learn.microsoft.com/graph/json-batching), some
 * requests at a time, and hands over each answer as it comes, in any order. Each call is answered,
 * refused and repeated by itself, with its own Retry-After; its units are taken from the lane as if
 * it went alone, for a batch saves round trips and nothing else. Throws what `send` throws when the
 * whole is in trouble, and what `take` throws; no further batch is then begun.
 */
export async function sendInBatches(
  transport: GraphTransport,
  calls: readonly GraphCall[],
  options: BatchOptions,
  take: TakeAnswer,
): Promise<void> {
  const items = calls.map((call, index): Item => ({ index, call, faults: 0, dueAt: 0 }))
  const batches: Item[][] = []
  for (let from = 0; from < items.length; from += graphPages.batchMax) {
    batches.push(items.slice(from, from + graphPages.batchMax))
  }
  await inParallel(batches, limits.batchesInFlight, (batch) =>
    sendBatch(transport, batch, options, take),
  )
}

interface Item {
  index: number
  call: GraphCall
  faults: number
  /** Not to be sent before, in milliseconds since 1970. */
  dueAt: number
}

/** One batch until every call in it has its answer: what has to wait goes again in another. */
async function sendBatch(
  transport: GraphTransport,
  items: readonly Item[],
  options: BatchOptions,
  take: TakeAnswer,
): Promise<void> {
  const { clock } = transport
  const [only] = items
  if (only !== undefined && items.length === 1) {
    await take(await sendAlone(transport, only, options), only.index)
    return
  }
  const giveUpAt = clock.now() + limits.throttledMs
  for (let waiting = items; waiting.length > 0; ) {
    const waitMs = earliest(waiting) - clock.now()
    if (waitMs > 0) await pause(clock, waitMs, options.signal)
    const now = clock.now()
    const due = waiting.filter(({ dueAt }) => dueAt <= now)
    // A timer may ring a millisecond early; Graph refuses a batch of nothing.
    if (due.length === 0) continue
    const again = waiting.filter(({ dueAt }) => dueAt > now)
    const answers = await sendOnce(transport, due, options)
    for (const item of due) {
      const answer = answers.get(item.index) ?? missing(item.call)
      const waitMs = repeatAfter(transport, item, answer)
      if (waitMs === undefined) await take(answer, item.index)
      else if (clock.now() + waitMs > giveUpAt) await take(givenUp(answer, waitMs), item.index)
      else again.push({ ...item, faults: item.faults + 1, dueAt: clock.now() + waitMs })
    }
    waiting = again
  }
}

/** An envelope around one call is a detour, and the transport repeats it as well. */
async function sendAlone(
  transport: GraphTransport,
  { call }: Item,
  options: BatchOptions,
): Promise<GraphAnswer | AppError> {
  try {
    return await transport.send(call, options)
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
}

function earliest(items: readonly Item[]): number {
  return Math.min(...items.map(({ dueAt }) => dueAt))
}

/** Undefined: the answer stands, good or bad. */
function repeatAfter(
  { random }: GraphTransport,
  { call, faults }: Item,
  answer: GraphAnswer | AppError,
): number | undefined {
  if (!(answer instanceof AppError)) return undefined
  const waitMs = answer.retryAfterMs || backoffMs(faults + 1, random)
  if (answer.code === 'microsoft-throttled') return waitMs
  const passing = answer.code === 'microsoft-unavailable' || answer.code === brokenCode
  const mayRepeat = call.method !== 'POST' && passing && waitMs <= limits.callWaitMs
  // Where others of the batch come through, a fault tells little of the service; and giving up one
  // item has all that were read beside it, sixty lists of members, read again.
  const attemptsMax = 2 * limits.callAttemptsMax
  return mayRepeat && faults + 1 < attemptsMax ? waitMs : undefined
}

const brokenCode = 'microsoft-broken-answer'

function givenUp(answer: GraphAnswer | AppError, waitMs: number): GraphAnswer | AppError {
  const throttled = answer instanceof AppError && answer.code === 'microsoft-throttled'
  return throttled ? forLater(answer, waitMs) : answer
}

function missing(call: GraphCall): AppError {
  return brokenAnswer(`${call.method} in a batch`, undefined)
}

async function sendOnce(
  transport: GraphTransport,
  items: readonly Item[],
  { signal, eventual }: BatchOptions,
): Promise<Map<number, GraphAnswer | AppError>> {
  const operations = new Map(items.map(({ index, call }) => [String(index), operationOf(call)]))
  const call: GraphCall = {
    ...{ wire: 'graph', method: 'POST', path: ['$batch'], query: {} },
    body: { requests: items.map((item) => requestOf(transport.graph, item, eventual === true)) },
    cost: items.reduce((sum, item) => sum + item.call.cost, 0),
  }
  const envelope = await transport.send(call, {
    signal,
    carries: {
      repeatable: items.every((item) => item.call.method !== 'POST'),
      writes: items.reduce((sum, item) => sum + writesOf(item.call, operationOf(item.call)), 0),
      news: (answer) => responsesOf(answer).map((response) => newsOf(response, transport)),
    },
  })
  const answers = new Map<number, GraphAnswer | AppError>()
  for (const response of responsesOf(envelope)) {
    const operation = operations.get(response.id)
    if (operation === undefined) continue
    answers.set(Number(response.id), readResponse(response, operation, transport))
  }
  return answers
}

const noUrl = 'https://graph.invalid'

function operationOf(call: GraphCall): string {
  return operationName(call.method, callUrl(noUrl, { ...call, query: {} }))
}

/** Relative to the version of the batch around it. */
function requestOf(graph: string, { index, call }: Item, eventual: boolean): CallBody {
  const { href } = callUrl(graph, call)
  const { method, body } = call
  return {
    ...{ id: String(index), method, url: href.slice(`${graph}/v1.0`.length) },
    headers: {
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...(eventual ? { ConsistencyLevel: 'eventual' } : {}),
    },
    ...(body === undefined ? {} : { body }),
  }
}

interface Response {
  id: string
  status: number
  headers: Record<string, string>
  body: Json | undefined
}

/** In any order, and some may be missing; what is no answer to anything is left out. */
function responsesOf({ body }: GraphAnswer): Response[] {
  const responses = isJsonObject(body) ? body.responses : undefined
  if (!Array.isArray(responses)) return []
  return responses.flatMap((response) => {
    if (!isJsonObject(response)) return []
    const { id, status, headers } = response
    if (typeof id !== 'string' || typeof status !== 'number') return []
    const lower = headersOf(isJsonObject(headers) ? headers : {})
    return [{ id, status, headers: lower, body: response.body }]
  })
}

/** Names come in the spelling of whoever answered. */
function headersOf(given: JsonObject): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name.toLowerCase(), String(value)]),
  )
}

function newsOf({ status, headers }: Response, { clock }: GraphTransport): LaneNews {
  return laneNews(status, headers, clock.now())
}

function readResponse(
  { status, headers, body }: Response,
  operation: string,
  { clock }: GraphTransport,
): GraphAnswer | AppError {
  if (status >= 200 && status <= 299) return { status, headers, body }
  const waitMs = retryAfterMs(headers['retry-after'], clock.now())
  const requestId = headers['request-id']
  return graphError({ status, body, requestId, retryAfterMs: waitMs, operation })
}
