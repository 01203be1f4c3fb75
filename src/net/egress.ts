import { isIP } from 'node:net'
import type { Dispatcher } from 'undici'
import { AppError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import { createAddressCheck } from './addresses.ts'
import { type Answer, flattenHeaders, readBody } from './answer.ts'
import { connectionKey, type Destination, type Reach, type WebProxy } from './destination.ts'
import { addressRefused, createDispatcher, type Lookup, type Patience } from './dispatcher.ts'
import { toAppError } from './failures.ts'
import { createReadingRoom, type ReadingRoom } from './readingRoom.ts'

export interface HttpRequest {
  destination: Destination
  proxy?: WebProxy | undefined
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  url: URL
  headers: Readonly<Record<string, string>>
  body?: string | Uint8Array | undefined
  signal?: AbortSignal | undefined
  /** Connects anew instead of taking an open connection: what a 503 asks for. */
  freshConnection?: boolean | undefined
  /** Less than `limits.answerBytes` where less is to be expected. */
  answerBytesMax?: number | undefined
}

/** The one way out. Owns its connections: `close` when no more calls will come. */
export interface Egress {
  /**
   * Sends one request and reads the whole answer. Throws `address-refused`, `unavailable`,
   * `timed-out`, `too-large` or `cancelled`; messages name the host, never path, query or headers.
   */
  exchange(request: HttpRequest): Promise<Answer>
  close(): Promise<void>
}

export type Exchange = Egress['exchange']

/**
 * `patience` in milliseconds. Sockets live in real time, so timeouts here do not use the Clock.
 * Proxies named by environment variables are ignored: undici's own dispatchers never read them.
 */
export function createEgress(lookup: Lookup, patience: Patience = limits): Egress {
  const dispatchers = new Map<string, Dispatcher>()
  const room = createReadingRoom(limits.answersBytes)

  function dispatcherFor(request: HttpRequest): Dispatcher {
    const { destination, proxy } = request
    const key = connectionKey(destination, proxy)
    const known = dispatchers.get(key)
    const dispatcher = known ?? createDispatcher(destination, proxy, lookup, patience)
    // Moved to the end on every use, so that the first is the one not used for longest.
    dispatchers.delete(key)
    dispatchers.set(key, dispatcher)
    const [oldest] = dispatchers
    if (dispatchers.size > limits.dispatchersMax && oldest !== undefined) {
      dispatchers.delete(oldest[0])
      oldest[1].close().catch(() => {})
    }
    return dispatcher
  }

  return {
    async exchange(request) {
      refuseForeign(request)
      if (!request.freshConnection)
        return await send(request, dispatcherFor(request), patience, room)
      const once = createDispatcher(request.destination, request.proxy, lookup, patience)
      try {
        return await send(request, once, patience, room)
      } finally {
        await once.destroy()
      }
    },
    async close() {
      await Promise.all([...dispatchers.values()].map((dispatcher) => dispatcher.destroy()))
      dispatchers.clear()
    },
  }
}

/** What can be told from the address alone: another origin, or an IP in the URL that is refused. */
function refuseForeign({ destination, proxy, url }: HttpRequest): void {
  if (!destination.origins.includes(url.origin) || url.username !== '' || url.password !== '') {
    throw new AppError(
      'address-refused',
      `${url.host} is not an address this connection may call. Nothing was sent.`,
    )
  }
  // A socket asks no resolver for an IP literal, so the check at connect would not see it.
  refuseLiteral(url.hostname.replace(/^\[|\]$/g, ''), destination)
  if (proxy !== undefined) refuseLiteral(proxy.endpoint.host, proxy)
}

function refuseLiteral(host: string, { allowedAddresses = [], within }: Reach): void {
  if (isIP(host) === 0) return
  if (!createAddressCheck(allowedAddresses, within)(host)) throw addressRefused(host)
}

async function send(
  request: HttpRequest,
  dispatcher: Dispatcher,
  patience: Patience,
  room: ReadingRoom,
): Promise<Answer> {
  const { method, url, signal } = request
  const abort = new AbortController()
  const giveUp = () => abort.abort()
  const timer = setTimeout(giveUp, patience.exchangeMs)
  signal?.addEventListener('abort', giveUp, { once: true })
  const reader = room.enter(abort.signal)
  try {
    if (signal?.aborted) giveUp()
    const response = await dispatcher.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method,
      headers: request.headers,
      body: request.body ?? null,
      signal: abort.signal,
    })
    const headers = flattenHeaders(response.headers)
    const body = await readBody(
      response.body,
      headers['content-encoding'] ?? '',
      request.answerBytesMax ?? limits.answerBytes,
      url.host,
      reader,
    )
    return { status: response.statusCode, headers, body }
  } catch (error) {
    const cancelled = signal?.aborted ?? false
    const proxy = request.proxy?.endpoint.scheme
    throw toAppError(error, { method, url, cancelled, outOfTime: abort.signal.aborted, proxy })
  } finally {
    reader.leave()
    clearTimeout(timer)
    signal?.removeEventListener('abort', giveUp)
  }
}
