import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { promisify } from 'node:util'
import { gzip as gzipCallback } from 'node:zlib'
import { limits } from '../core/limits.ts'
import type { Certificates } from './certificates.ts'
import { jsonReply, type Reply, type Request } from './exchange.ts'
import { answerGraph } from './graph/graph.ts'
import { serviceOf } from './hosts.ts'
import { answerLogin } from './login/login.ts'
import type { State } from './state.ts'

const gzip = promisify(gzipCallback)
/** Below this, compressing costs more than it saves. */
const gzipFromBytes = 1024

export function createEmulatorServer(state: State, certificates: Certificates): Server {
  const { serverPem: cert, serverKeyPem: key } = certificates
  const server = createServer({ cert, key, minVersion: 'TLSv1.2' }, (incoming, response) => {
    serve(state, incoming, response).catch(() => response.destroy())
  })
  server.keepAliveTimeout = 60_000
  return server
}

async function serve(state: State, incoming: IncomingMessage, response: ServerResponse) {
  const request = await readRequest(incoming)
  const reply = request === undefined ? tooLarge() : await answer(state, request)
  await send(state, incoming, response, reply)
}

async function answer(state: State, request: Request): Promise<Reply> {
  switch (serviceOf(request.host, request.path)) {
    case 'login':
      return answerLogin(state, request)
    case 'graph':
      return answerGraph(state, request)
    default:
      return jsonReply(404, { error: { code: 'NotFound', message: 'There is nothing here.' } })
  }
}

/** The request with its body, or undefined when that is larger than Graph takes. */
async function readRequest(incoming: IncomingMessage): Promise<Request | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming) {
    size += chunk.length
    if (size > limits.emulatorRequestBytes) return undefined
    chunks.push(chunk)
  }
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
  reply: Reply,
): Promise<void> {
  let body = Buffer.from(reply.body)
  const accepts = /\bgzip\b/.test(String(incoming.headers['accept-encoding'] ?? ''))
  const headers: Record<string, string> = { ...reply.headers }
  if (state.gzip && accepts && body.length >= gzipFromBytes) {
    body = await gzip(body, { level: 1 })
    headers['content-encoding'] = 'gzip'
    headers.vary = 'Accept-Encoding'
  }
  if (reply.status !== 204) headers['content-length'] = String(body.length)
  response.writeHead(reply.status, headers)
  response.end(body)
}
