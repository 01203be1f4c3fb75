import { Readable } from 'node:stream'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { type Contract, type Route, routesOf } from '../contract/route.ts'
import type { Actor } from '../core/actor.ts'
import { type Clock, elapsedMs } from '../core/clock.ts'
import { AppError, asAppError, type ErrorCode } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import { type Authenticate, admit, type Credential } from './admission.ts'
import { type BrowserRules, browserOf } from './browser.ts'
import {
  type AnyHandler,
  areEvents,
  arePieces,
  bindHandlers,
  type Handlers,
  isElsewhere,
  isForeignAnswer,
  type StreamedEvent,
} from './handlers.ts'
import { inputReader } from './input.ts'
import { parseJson, requireUnencoded } from './jsonBody.ts'
import { openApi } from './openApi.ts'
import { asProblem, asUnfinished, problemOf, problemType, retryAfterOf } from './problems.ts'
import { serverSentEvents } from './serverSentEvents.ts'

export interface RequestRecord {
  requestId: string
  method: string
  /** The pattern, never the address: an address holds names of people. */
  route: string
  status: number
  milliseconds: number
  actorId: string | undefined
}

export interface Refusal {
  requestId: string
  actor: Actor
  /** `tenant.update`, and the members of its path as they were sent. */
  route: string
  params: Readonly<Record<string, string>>
  code: ErrorCode
  /** It would have changed nothing. */
  reading: boolean
}

export interface HttpServerOptions<C extends Contract> {
  contract: C
  handlers: Handlers<C>
  title: string
  version: string
  newRequestId: () => string
  clock: Clock
  /** Whom a token or a session belongs to; undefined: nobody. */
  authenticate: Authenticate
  browsers?: BrowserRules
  /** Ends what was opened for somebody (an event stream) as soon as their rights are others. */
  watchAccess?: (actor: Actor, credential: Credential) => WatchedAccess
  onRequest: (record: RequestRecord) => void
  /**
   * Told of a write, an export or a watched reading that somebody signed in was refused, before
   * they are. When it throws, that is what they are answered.
   */
  onRefused?: (refusal: Refusal) => Promise<void>
  /** An error nobody foresaw; its cause goes to the log and not to the caller. */
  onFailure: (error: AppError, requestId: string) => void
}

export interface WatchedAccess {
  ended: AbortSignal
  close(): void
}

const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
} as const

/** For pages of ours: nothing inline, nothing from elsewhere, in nobody's frame. */
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

/** What somebody has to look at; its cause goes to the log. */
const alarming: readonly ErrorCode[] = ['internal', 'audit-refused']

/** In records only, as nginx has it: the caller did not wait for the answer. */
const hungUpStatus = 499

const methods = ['GET', 'POST', 'PATCH', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE'] as const

declare module 'fastify' {
  interface FastifyRequest {
    actor: Actor | undefined
    credential: Credential | undefined
  }
}

/** The one way in: every route of the contract, and nothing else but `/openapi.json`. */
export function createHttpServer<C extends Contract>(
  options: HttpServerOptions<C>,
): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: limits.requestBodyBytes,
    requestTimeout: limits.requestMs,
    http: { headersTimeout: limits.requestHeadersMs, connectionsCheckingInterval: 1_000 },
    routerOptions: { maxParamLength: limits.pathSegmentChars },
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    genReqId: () => options.newRequestId(),
    frameworkErrors: (error, request, reply) => sendProblem(options, error, request, reply),
    clientErrorHandler: refuseUnreadable,
  })
  app.decorateRequest('actor', undefined)
  app.decorateRequest('credential', undefined)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async ({ headers }: FastifyRequest, bytes: Buffer) => {
      requireUnencoded(headers['content-encoding'])
      return bytes.length === 0 ? undefined : parseJson(bytes)
    },
  )
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders)
    const began = options.clock.now()
    // Not Fastify's onResponse: that is silent about callers who hang up. Without it Fastify
    // measures no time either.
    reply.raw.once('close', () => {
      options.onRequest(record(request, reply, elapsedMs(options.clock, began)))
    })
  })
  app.setErrorHandler((error, request, reply) => sendProblem(options, error, request, reply))
  app.setNotFoundHandler((request, reply) =>
    sendProblem(options, new AppError('not-found', 'There is no such route.'), request, reply),
  )
  letGoOfSlow(app)
  const sendEvents = eventSender(app, options)
  for (const { route, handler } of bindHandlers(options.contract, options.handlers)) {
    if (route.foreign) addForeignRoute(app, options, route, handler, sendEvents)
    else addRoute(app, options, route, handler, sendEvents)
  }
  refuseOtherMethods(app, options.contract)
  const document = openApi(options.contract, options)
  app.get('/openapi.json', async () => document)
  return app
}

/**
 * Node stops looking at timeouts once a server closes, so one sender who never comes to an end
 * would keep it, and everything that is to be closed behind it, open for ever.
 */
function letGoOfSlow(app: FastifyInstance): void {
  let closing = false
  app.addHook('preClose', async () => {
    closing = true
    setTimeout(() => app.server.closeAllConnections(), limits.drainMs).unref()
  })
  // Whoever is answered last would keep the connection for their next request, and be waited for.
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing) reply.header('connection', 'close')
    done(null, payload)
  })
}

/** `/v1/nodes/{nodeId}` as the router writes it. */
function routerPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1')
}

function addRoute<C extends Contract>(
  app: FastifyInstance,
  options: HttpServerOptions<C>,
  route: Route,
  handler: AnyHandler,
  sendEvents: SendEvents,
): void {
  const readInput = inputReader(route)
  const { browsers = {} } = options
  app.route({
    method: route.method,
    url: routerPath(route.path),
    ...(route.answer && { schema: { response: { [route.status]: route.answer } } }),
    onRequest: async (request, reply) => {
      await admit(options.authenticate, browsers, route, request, reply)
    },
    errorHandler: async (error, request, reply) => {
      const answer = await noteRefusal(options, route, request, error)
      return await sendProblem(options, answer, request, reply)
    },
    handler: async (request, reply) => {
      const gone = hungUp(reply)
      const { credential } = request
      const browser = browserOf(request, reply, browsers)
      const context = { signal: gone, requestId: request.id, browser, credential }
      const answer = await handler(request.actor, readInput(request), context)
      if (route.produces === 'text/event-stream' && areEvents(answer)) {
        return await sendEvents(request, reply, answer, gone)
      }
      if (route.produces) reply.type(`${route.produces}; charset=utf-8`)
      if (route.produces === 'text/html') reply.header('content-security-policy', pagePolicy)
      if (route.status === 303 && isElsewhere(answer)) reply.header('location', answer.location)
      if (route.streamed && arePieces(answer)) {
        return reply.send(streamWhilePermitted(options, request, answer))
      }
      if (route.foreign && isForeignAnswer(answer)) {
        return reply.code(answer.status).send(answer.text)
      }
      const declared = route.answer !== undefined || route.produces !== undefined
      return reply.code(route.status).send(declared ? answer : undefined)
    },
  })
}

/** Cut off, so that nobody takes it for whole, once the rights of who asked for it are others. */
function streamWhilePermitted<C extends Contract>(
  { watchAccess }: HttpServerOptions<C>,
  { actor, credential }: FastifyRequest,
  pieces: AsyncIterable<string>,
): Readable {
  const stream = Readable.from(pieces)
  const access = actor && credential && watchAccess?.(actor, credential)
  if (!access) return stream
  const cut = () => {
    stream.destroy(new AppError('not-permitted', 'What you may do has changed. Ask again.'))
  }
  access.ended.addEventListener('abort', cut)
  stream.once('close', () => access.close())
  return stream
}

/** Apart from the others, which take JSON alone. */
function addForeignRoute<C extends Contract>(
  app: FastifyInstance,
  options: HttpServerOptions<C>,
  route: Route,
  handler: AnyHandler,
  sendEvents: SendEvents,
): void {
  app.register(async (apart) => {
    const bytes = { parseAs: 'buffer', bodyLimit: limits.foreignBodyBytes } as const
    apart.removeAllContentTypeParsers()
    apart.addContentTypeParser('*', bytes, async (_: unknown, body: Buffer) => body)
    addRoute(apart, options, route, handler, sendEvents)
  })
}

type SendEvents = (
  request: FastifyRequest,
  reply: FastifyReply,
  events: AsyncIterable<StreamedEvent>,
  gone: AbortSignal,
) => Promise<void>

/** Sends event streams, so many at a time; a server that stops ends them all. */
function eventSender<C extends Contract>(
  app: FastifyInstance,
  { onFailure, watchAccess }: HttpServerOptions<C>,
): SendEvents {
  const stopping = new AbortController()
  app.addHook('preClose', async () => stopping.abort())
  let open = 0
  return async (request, reply, events, gone) => {
    if (open >= limits.eventStreamsMax) {
      throw new AppError('too-many-requests', 'Too many event streams are open; close one.', {
        retryAfterMs: limits.eventHeartbeatMs,
      })
    }
    open += 1
    reply.hijack()
    const { actor, credential } = request
    const access = actor && credential && watchAccess?.(actor, credential)
    const over = AbortSignal.any([gone, stopping.signal, ...(access ? [access.ended] : [])])
    try {
      await serverSentEvents(reply.raw, securityHeaders, events, over)
    } catch (thrown) {
      onFailure(asAppError(thrown, 'Streaming events'), request.id)
    } finally {
      access?.close()
      open -= 1
    }
  }
}

const refusals: readonly ErrorCode[] = ['not-permitted', 'not-found']

function isTold({ method, permission, watched }: Route): boolean {
  if (method !== 'GET' || watched) return true
  return typeof permission === 'object' && permission.operation !== 'Read'
}

/** Tells of what is refused and worth it; answers what the caller is to be told. */
async function noteRefusal<C extends Contract>(
  { onRefused }: HttpServerOptions<C>,
  route: Route,
  { actor, id: requestId, params }: FastifyRequest,
  thrown: unknown,
): Promise<unknown> {
  const { code, beyondScope } = asProblem(thrown)
  const isRefusal = beyondScope || refusals.includes(code)
  if (!onRefused || !actor || !isTold(route) || !isRefusal) return thrown
  try {
    const asked = Object.entries(params ?? {}).map(([name, value]) => [name, String(value)])
    await onRefused({
      requestId,
      actor,
      route: route.name,
      params: Object.fromEntries(asked),
      code,
      reading: route.method === 'GET',
    })
    return thrown
  } catch (error) {
    return error
  }
}

/** `close` of the request comes as soon as its body is read, so the response is watched. */
function hungUp(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableEnded) controller.abort()
  })
  return controller.signal
}

function refuseOtherMethods(app: FastifyInstance, contract: Contract): void {
  const taken = new Map<string, Set<string>>()
  for (const route of routesOf(contract)) {
    const path = routerPath(route.path)
    taken.set(path, (taken.get(path) ?? new Set()).add(route.method))
  }
  for (const [url, allowed] of taken) {
    const names = [...allowed].join(', ')
    app.route({
      method: methods.filter((method) => !allowed.has(method)),
      url,
      onRequest: async (_request, reply) => {
        reply.header('allow', names)
        throw new AppError('method-not-allowed', `This route takes ${names} only.`)
      },
      handler: async () => undefined,
    })
  }
}

function sendProblem<C extends Contract>(
  options: HttpServerOptions<C>,
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const unfinished = request.raw.complete === false
  const error = unfinished ? asUnfinished(thrown) : asProblem(thrown)
  if (alarming.includes(error.code)) options.onFailure(error, request.id)
  const retryAfterMs = retryAfterOf(error)
  if (retryAfterMs !== undefined) {
    reply.header('retry-after', String(Math.ceil(retryAfterMs / 1_000)))
  }
  // A string passes by the answer schema, which describes another body.
  return reply
    .code(error.status)
    .headers({ ...securityHeaders, 'content-type': problemType })
    .serializer(String)
    .send(JSON.stringify(problemOf(error, request.id)))
}

function record(request: FastifyRequest, reply: FastifyReply, milliseconds: number): RequestRecord {
  return {
    requestId: request.id,
    method: request.method,
    route: request.routeOptions.url ?? 'none',
    status: reply.raw.writableEnded ? reply.statusCode : hungUpStatus,
    milliseconds,
    actorId: request.actor?.id,
  }
}

/** What Node's parser refuses (two lengths, bad chunks, slow headers) never becomes a request. */
function refuseUnreadable(error: { code: string }, socket: FastifyRequest['socket']): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  const code = late ? 408 : error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400
  socket.end(`HTTP/1.1 ${code} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
