import { randomUUID } from 'node:crypto'
import type { GraphCall } from '../../core/call.ts'
import { type Clock, elapsedMs, type Random } from '../../core/clock.ts'
import { AppError } from '../../core/errors.ts'
import { isJsonObject, type Json } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { Sealed } from '../../core/secret.ts'
import type { Priority } from '../../core/wire.ts'
import type { ConfirmWrite, WriteAttempt } from '../../core/writing.ts'
import type { Answer } from '../../net/answer.ts'
import type { Exchange } from '../../net/egress.ts'
import type { Cost } from '../microsoft/allowance.ts'
import type { Application } from '../microsoft/application.ts'
import { backoffMs, pause } from '../microsoft/backoff.ts'
import type { LogCall } from '../microsoft/callLog.ts'
import { graphDestination } from '../microsoft/clouds.ts'
import { microsoftFailure } from '../microsoft/failures.ts'
import { parseJson, parseList } from '../microsoft/json.ts'
import type { EndTurn } from '../microsoft/lane.ts'
import { combineNews, type LaneNews, laneNews } from '../microsoft/laneNews.ts'
import type { Lanes } from '../microsoft/lanes.ts'
import type { Items } from '../microsoft/listText.ts'
import { retryAfterMs } from '../microsoft/retryAfter.ts'
import type { TokenClient } from '../microsoft/tokens.ts'
import { callUrl, linkUrl, operationName } from './address.ts'
import { bodyText } from './bodyText.ts'
import { writesOf } from './cost.ts'
import { brokenAnswer, forLater, graphError } from './errors.ts'

export interface GraphDependencies {
  exchange: Exchange
  tokens: TokenClient
  lanes: Lanes
  clock: Clock
  random: Random
  log: LogCall
}

export interface SendOptions {
  signal: AbortSignal
  /** Reads the index that advanced queries need (`ConsistencyLevel: eventual`); it lags behind. */
  eventual?: boolean
  /** The answer is a page of a list: its objects come in `items`, to be parsed one by one. */
  list?: boolean
  /**
   * Asked right before each attempt of a call that changes something, after every wait for a turn
   * or a token: whoever was frozen in such a wait may have lost the work to another meanwhile. What
   * it throws ends the call, and nothing is sent.
   */
  confirm?: ConfirmWrite | undefined
  /** Set for a call that is an envelope around others. */
  carries?: Carried
}

/** The calls in an envelope (`$batch`), as far as sending it is concerned. */
export interface Carried {
  /** All of them may be sent again after a fault, though the envelope is a POST. */
  repeatable: boolean
  writes: number
  /** How each of them fared: their refusals count, though the envelope was answered well. */
  news?(answer: GraphAnswer): LaneNews[]
}

export interface GraphAnswer {
  status: number
  /** Absent when the answer has none, as after a PATCH. */
  body: Json | undefined
  headers: Readonly<Record<string, string>>
  /** Of a call that was sent as a `list`; they are not in `body`. */
  items?: Items
}

/** Graph for one tenant: signs in, waits for its turn, tries again, and reads answers strictly. */
export interface GraphTransport {
  /** Origin of the tenant's Graph: cursors are checked against it as soon as they are read. */
  graph: string
  /** Its time and chance, for what is built of several calls. */
  clock: Clock
  random: Random
  /** Throws `microsoft-*`, `credentials-rejected`, `consent-missing`, `timed-out`, `cancelled`. */
  send(call: GraphCall, options: SendOptions): Promise<GraphAnswer>
  /** A GET of a link that Graph gave, at `cost` units. A link to elsewhere is refused. */
  follow(link: unknown, cost: number, options: SendOptions): Promise<GraphAnswer>
}

interface Prepared {
  method: GraphCall['method']
  url: URL
  body: string | undefined
  cost: Cost
  operation: string
  repeatable: boolean
}

interface Failure {
  error: AppError
  status: number | undefined
}

export function createGraphTransport(
  dependencies: GraphDependencies,
  application: Application,
  priority: Priority,
): GraphTransport {
  const { clock, random, tokens } = dependencies
  const { graph } = application.cloud

  async function perform(prepared: Prepared, options: SendOptions): Promise<GraphAnswer> {
    const giveUpAt = clock.now() + limits.throttledMs
    let renewed = false
    let faults = 0
    let last: Failure | undefined
    for (let attempt = 1; ; attempt += 1) {
      const token = await tokens.token(application, { signal: options.signal })
      const freshConnection = last?.status === 503
      const send = { prepared, options, token, attempt, freshConnection }
      const result = await tryOnce(dependencies, application, priority, send)
      if (!('error' in result)) return result
      last = result
      if (result.status === 401 && !renewed) {
        renewed = true
        tokens.invalidate(application, token)
        continue
      }
      // 0 is no wait at all; taking it at its word would be a busy loop.
      const waitMs = result.error.retryAfterMs || backoffMs(attempt, random)
      if (isRefusedForNow(result)) {
        // The lane holds every call back, so this one waits there. Tries are not counted: waiting
        // solves it, and what is left after minutes is for the caller to take up again later.
        const later = waitMs > limits.callWaitMs || clock.now() + waitMs > giveUpAt
        if (later) throw forLater(result.error, waitMs)
        continue
      }
      faults += 1
      const worthIt = mayRepeat(prepared, result) && waitMs <= limits.callWaitMs
      if (!worthIt || faults >= limits.callAttemptsMax) throw result.error
      await pause(clock, waitMs, options.signal)
    }
  }

  return {
    ...{ graph, clock, random },
    send: async (call, options) => {
      const { method } = call
      const url = callUrl(graph, call)
      const operation = operationName(method, url)
      const writes = options.carries?.writes ?? writesOf(call, operation)
      const prepared: Prepared = {
        ...{ method, url, operation, cost: { units: call.cost, writes } },
        body: call.body === undefined ? undefined : bodyText(call.body),
        repeatable: method !== 'POST' || options.carries?.repeatable === true,
      }
      return await perform(prepared, options)
    },
    follow: async (link, units, options) => {
      const url = linkUrl(graph, link)
      const call = { method: 'GET', url, operation: operationName('GET', url) } as const
      const cost = { units, writes: 0 }
      return await perform({ ...call, cost, body: undefined, repeatable: true }, options)
    },
  }
}

/** For want of room (429): it was not carried out, so anything may be sent again. */
function isRefusedForNow({ error, status }: Failure): boolean {
  return error.code === 'microsoft-throttled' && status !== undefined
}

/**
 * After a fault the request may have been carried out: only what gives the same result twice is
 * repeated.
 */
function mayRepeat({ repeatable }: Prepared, { error }: Failure): boolean {
  return (
    repeatable &&
    (error.code === 'microsoft-unavailable' ||
      error.code === 'microsoft-broken-answer' ||
      error.code === 'timed-out')
  )
}

interface Try {
  prepared: Prepared
  options: SendOptions
  token: Sealed
  attempt: number
  freshConnection: boolean
}

/** One request, in its turn, with its line in the log. */
async function tryOnce(
  { exchange, lanes, clock, log }: GraphDependencies,
  application: Application,
  priority: Priority,
  { prepared, options, token, attempt, freshConnection }: Try,
): Promise<GraphAnswer | Failure> {
  const { method, url, body, cost, operation } = prepared
  const { tenantId, clientId, cloud, proxy } = application
  const lane = lanes.lane({ clientId, tenantId, service: 'graph' })
  const endTurn = await lane.take(cost, { priority, signal: options.signal, kind: operation })
  const clientRequestId = randomUUID()
  await confirmHeld(options, { method, operation, requestId: clientRequestId }, endTurn)
  const began = clock.now()
  let answer: Answer | undefined
  let result: GraphAnswer | Failure | undefined
  try {
    answer = await exchange({
      destination: graphDestination(cloud),
      proxy,
      method,
      url,
      headers: requestHeaders({ token, clientRequestId, priority, body, options }),
      body,
      signal: options.signal,
      freshConnection,
    })
    result = readAnswer(answer, prepared, options, clock.now())
    return result
  } catch (thrown) {
    const error = microsoftFailure(thrown)
    if (!(error instanceof AppError)) throw error
    return { error, status: undefined }
  } finally {
    const milliseconds = elapsedMs(clock, began)
    endTurn({ ...newsOf(answer, result, options, clock.now()), latencyMs: milliseconds })
    const requestId = answer?.headers['request-id']
    const { status } = answer ?? {}
    log({
      tenantId,
      wire: 'graph',
      operation,
      status,
      milliseconds,
      attempt,
      clientRequestId,
      requestId,
    })
  }
}

function newsOf(
  answer: Answer | undefined,
  result: GraphAnswer | Failure | undefined,
  { carries }: SendOptions,
  now: number,
): LaneNews {
  if (answer === undefined) return { status: undefined }
  const news = laneNews(answer.status, answer.headers, now)
  if (carries?.news === undefined || result === undefined || 'error' in result) return news
  return combineNews(news, carries.news(result))
}

async function confirmHeld(
  { confirm }: SendOptions,
  { method, ...attempt }: WriteAttempt & Pick<GraphCall, 'method'>,
  endTurn: EndTurn,
): Promise<void> {
  if (confirm === undefined || method === 'GET') return
  try {
    await confirm(attempt)
  } catch (error) {
    endTurn({ status: undefined, latencyMs: 0 })
    throw error
  }
}

function requestHeaders(from: {
  token: Sealed
  clientRequestId: string
  priority: Priority
  body: string | undefined
  options: SendOptions
}): Record<string, string> {
  return {
    authorization: `Bearer ${from.token.reveal()}`,
    accept: 'application/json',
    'accept-encoding': 'gzip',
    'client-request-id': from.clientRequestId,
    'x-ms-throttle-priority': from.priority === 'interactive' ? 'high' : 'low',
    ...(from.body === undefined ? {} : { 'content-type': 'application/json' }),
    // Not implied by a link: it has to be said again on every page.
    ...(from.options.eventual ? { consistencylevel: 'eventual' } : {}),
  }
}

function readAnswer(
  answer: Answer,
  { method, operation }: Prepared,
  { list }: SendOptions,
  now: number,
): GraphAnswer | Failure {
  const { status, headers } = answer
  const requestId = headers['request-id']
  const broken = () => brokenAnswer(operation, requestId)
  if (list && status === 200) {
    const page = parseList(answer, broken)
    return page === undefined ? { status, error: broken() } : { status, headers, ...page }
  }
  const body = parseJson(answer)
  if (status < 200 || status > 299) {
    const waitMs = retryAfterMs(headers['retry-after'], now)
    return {
      status,
      error: graphError({ status, body, requestId, retryAfterMs: waitMs, operation }),
    }
  }
  const mayBeEmpty = method !== 'GET' && answer.body.length === 0
  if (isJsonObject(body) || mayBeEmpty) return { status, headers, body }
  return { status, error: broken() }
}
