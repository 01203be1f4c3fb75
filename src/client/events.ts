import { AppError, asAppError } from '../core/errors.ts'
import { isJsonObject, type Json } from '../core/json.ts'
import { limits } from '../core/limits.ts'
import type { ClientOptions } from './options.ts'
import { readAnswer, unreachable } from './problems.ts'

export interface ServerEvent {
  id: string
  event: string
  data: Json
}

/**
 * Events of a stream until the signal is aborted. A connection that breaks, falls silent or is
 * ended by the server is made again behind the last event seen, so none is missed and none comes
 * twice. Throws what the server refuses, and `unavailable` after too many tries in a row.
 */
export async function* followEvents(
  options: ClientOptions,
  address: string,
  signal?: AbortSignal,
): AsyncGenerator<ServerEvent> {
  let last: string | undefined
  let failures = 0
  while (!signal?.aborted) {
    try {
      for await (const event of readStream(options, address, last, signal)) {
        last = event.id
        failures = 0
        yield event
      }
    } catch (thrown) {
      if (signal?.aborted) return
      const error = asAppError(thrown, 'Following events')
      if (!error.retryable || failures >= limits.eventReconnectsMax) throw error
    }
    const waitMs = Math.min(limits.eventReconnectMs * 2 ** failures, limits.eventHeartbeatMs)
    failures += 1
    await options.clock.sleep(waitMs, signal).catch(() => undefined)
  }
}

async function* readStream(
  options: ClientOptions,
  address: string,
  last: string | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<ServerEvent> {
  const silence = new AbortController()
  const headers: Record<string, string> = {
    accept: 'text/event-stream',
    ...(options.token && { authorization: `Bearer ${options.token.reveal()}` }),
    ...(last !== undefined && { 'last-event-id': last }),
  }
  const either = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal
  try {
    const answer = await options.fetch(address, { headers, signal: either })
    if (!answer.ok || !answer.body) {
      await readAnswer(answer, options.baseUrl)
      return
    }
    let text = ''
    const decoder = new TextDecoder()
    for await (const chunk of chunksOf(answer.body, options, silence)) {
      text += decoder.decode(chunk, { stream: true })
      const frames = text.split('\n\n')
      text = frames.pop() ?? ''
      for (const frame of frames) {
        const event = eventOf(frame)
        if (event) yield event
      }
    }
  } catch (thrown) {
    throw thrown instanceof AppError ? thrown : unreachable(options.baseUrl, thrown, signal)
  } finally {
    silence.abort()
  }
}

/** Three heartbeats missed: the connection is dead even where nobody told us. */
async function* chunksOf(
  body: ReadableStream<Uint8Array>,
  options: ClientOptions,
  silence: AbortController,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  for (;;) {
    const heard = new AbortController()
    const watch = options.clock
      .sleep(3 * limits.eventHeartbeatMs, heard.signal)
      .then(() => silence.abort())
      .catch(() => undefined)
    const { done, value } = await reader.read().finally(() => heard.abort())
    await watch
    if (done) return
    yield value
  }
}

function eventOf(frame: string): ServerEvent | undefined {
  const fields = new Map<string, string>()
  for (const line of frame.split('\n')) {
    const colon = line.indexOf(': ')
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2))
  }
  const id = fields.get('id')
  const data = fields.get('data')
  if (id === undefined || data === undefined) return undefined
  return { id, event: fields.get('event') ?? 'message', data: jsonOf(data) }
}

function jsonOf(text: string): Json {
  const wrapped: unknown = JSON.parse(`{"data":${text}}`)
  return isJsonObject(wrapped) ? (wrapped.data ?? null) : null
}
