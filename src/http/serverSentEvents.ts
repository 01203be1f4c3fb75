import type { FastifyReply } from 'fastify'
import { limits } from '../core/limits.ts'
import type { StreamedEvent } from './handlers.ts'

type Response = FastifyReply['raw']

/**
 * Writes events as they come (the event stream of the HTML standard) until the source ends, the
 * reader hangs up or the longest time of a stream is over; a reader then resumes behind the last
 * `id` it saw. A slow reader slows the source: nothing is gathered for it here.
 */
export async function serverSentEvents(
  response: Response,
  headers: Readonly<Record<string, string>>,
  events: AsyncIterable<StreamedEvent>,
  signal: AbortSignal,
): Promise<void> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(limits.eventStreamMs)])
  // `X-Accel-Buffering` tells nginx to pass each event on at once.
  response.writeHead(200, {
    ...headers,
    'content-type': 'text/event-stream; charset=utf-8',
    'x-accel-buffering': 'no',
  })
  response.write('retry: 1000\n\n')
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(': still here\n\n')
  }, limits.eventHeartbeatMs)
  try {
    for await (const event of until(over, events)) {
      if (!response.write(frame(event))) await drained(response, over)
    }
  } finally {
    clearInterval(heartbeat)
    response.end()
  }
}

/** JSON has no raw line ends, so `data` is one line; ids and names are cut at one. */
function frame(event: StreamedEvent): string {
  const line = (text: string) => text.replaceAll(/[\r\n\0]/g, ' ')
  return `id: ${line(event.id)}\nevent: ${line(event.event)}\ndata: ${JSON.stringify(event.data)}\n\n`
}

/** The source's items until the signal; then the source is told to finish, and not waited for. */
async function* until<T>(signal: AbortSignal, source: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]()
  const stopped = aborted(signal)
  try {
    while (!signal.aborted) {
      const next = await Promise.race([iterator.next(), stopped])
      if (next === undefined || next.done) return
      yield next.value
    }
  } finally {
    void iterator.return?.()?.catch(() => undefined)
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}

function drained(response: Response, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    response.once('drain', done)
    signal.addEventListener('abort', done, { once: true })
  })
}
