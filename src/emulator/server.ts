import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { promisify } from 'node:util'
import { gzip as gzipCallback } from 'node:zlib'
import { limits } from '../core/limits.ts'
import { type Answered, answer } from './answer.ts'
import type { Certificates } from './certificates.ts'
import { jsonReply, type Reply, type Request } from './exchange.ts'
import { sendFaulty } from './faults/wire.ts'
import type { State } from './state.ts'

const gzip = promisify(gzipCallback)
/** Below this, compressing costs more than it saves. */
const gzipFromBytes = 1024

/** The one listener for sign-in, Graph and control. */
export function createEmulatorServer(state: State, certificates: Certificates): Server {
  const { serverPem: cert, serverKeyPem: key } = certificates
  const server = createServer({ cert, key, minVersion: 'TLSv1.2' }, (incoming, response) => {
    serve(state, incoming, response).catch((thrown: unknown) => {
      // A mistake of the emulator: told to the client, for whoever writes the test to see.
      const message = thrown instanceof Error ? String(thrown.stack) : String(thrown)
      if (!response.headersSent) response.writeHead(500, { 'x-emulator-mistake': 'yes' })
      response.end(message)
    })
  })
  server.keepAliveTimeout = 60_000
  return server
}

async function serve(state: State, incoming: IncomingMessage, response: ServerResponse) {
  const request = await readRequest(incoming)
  const answered: Answered =
    request === undefined ? { reply: tooLarge(), fault: undefined } : await answer(state, request)
  await send(state, incoming, response, answered)
}

/**
 * The request with its body, or undefined when that is larger than Graph takes. What is too large
 * is still read, so that its sender gets to the answer, but not without end.
 */
async function readRequest(incoming: IncomingMessage): Promise<Request | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming) {
    size += chunk.length
    if (size > limits.emulatorDrainBytes) return undefined
    if (size <= limits.emulatorRequestBytes) chunks.push(chunk)
  }
  if (size > limits.emulatorRequestBytes) return undefined
  const url = incoming.url ?? '/'
  const mark = url.indexOf('?')
  return {
    method: incoming.method ?? 'GET',
    host: incoming.headers.host ?? 'localhost',
    path: mark < 0 ? url : url.slice(0, mark),
    queryText: mark < 0 ? '' : url.slice(mark + 1),
    headers: incoming.headers,
    body: Buffer.concat(chunks),
  }
}

function tooLarge(): Reply {
  return jsonReply(413, { error: { code: 'BadRequest', message: 'The request is too large.' } })
}

async function send(
  state: State,
  incoming: IncomingMessage,
  response: ServerResponse,
  { reply, fault }: Answered,
): Promise<void> {
  const { status, headers: given, body: text } = reply ?? { status: 200, headers: {}, body: '' }
  let body = Buffer.from(text)
  const headers: Record<string, string> = { ...given }
  const accepts = /\bgzip\b/.test(String(incoming.headers['accept-encoding'] ?? ''))
  if (state.gzip && accepts && body.length >= gzipFromBytes) {
    body = await gzip(body, { level: 1 })
    headers['content-encoding'] = 'gzip'
    headers.vary = 'Accept-Encoding'
  }
  if (status !== 204) headers['content-length'] = String(body.length)
  const wire = fault?.kind.wire
  if (fault !== undefined && wire !== undefined) {
    await sendFaulty({
      wire,
      spec: fault.spec,
      response,
      status,
      headers,
      body,
      clock: state.clock,
    })
    return
  }
  response.writeHead(status, headers)
  response.end(body)
}
