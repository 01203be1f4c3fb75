import type { Static, TSchema } from 'typebox'
import type { Contract, Route, RouteAnswer } from '../contract/route.ts'
import { badInput } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import { followEvents, type ServerEvent } from './events.ts'
import type { ClientOptions } from './options.ts'
import { readAnswer, unreachable } from './problems.ts'

type PartName = 'params' | 'query' | 'headers' | 'body'
type Part<R extends Route, P extends PartName> = R[P] extends TSchema ? Static<R[P]> : never

/** The parts a route declares; those in which nothing is required may be left away. */
export type ClientInput<R extends Route> = {
  [P in PartName as R[P] extends TSchema
    ? MayBeLeft<R, P> extends true
      ? never
      : P
    : never]: Part<R, P>
} & {
  [P in PartName as R[P] extends TSchema
    ? MayBeLeft<R, P> extends true
      ? P
      : never
    : never]?: Part<R, P>
}

// biome-ignore lint/complexity/noBannedTypes: `{}` is what every object without required members extends
type MayBeLeft<R extends Route, P extends PartName> = {} extends Part<R, P> ? true : false

export interface CallOptions {
  signal?: AbortSignal
}

type Arguments<R extends Route> =
  // biome-ignore lint/complexity/noBannedTypes: as above, of the whole input
  {} extends ClientInput<R>
    ? [input?: ClientInput<R>, options?: CallOptions]
    : [input: ClientInput<R>, options?: CallOptions]

export type ClientCall<R extends Route> = (
  ...args: Arguments<R>
) => R extends { produces: 'text/event-stream' }
  ? AsyncGenerator<ServerEvent>
  : R extends { streamed: true }
    ? AsyncGenerator<string>
    : R extends { produces: string }
      ? Promise<string>
      : Promise<RouteAnswer<R>>

/** A method for every route of a contract, by the same two keys: `client.tenant.list()`. */
export type Client<C extends Contract> = {
  [Noun in keyof C]: { [Verb in keyof C[Noun]]: ClientCall<C[Noun][Verb]> }
}

type AnyInput = Partial<Record<PartName, Readonly<Record<string, unknown>>>>

/**
 * Calls the API of a contract; what it answers is typed by the contract, and a problem becomes the
 * AppError it was on the server. Errors of its own: `unavailable` when no answer comes.
 */
export function createClient<C extends Contract>(contract: C, options: ClientOptions): Client<C> {
  const nouns = Object.entries(contract).map(([noun, routes]) => {
    const verbs = Object.entries(routes).map(([verb, route]) => [verb, methodOf(route, options)])
    return [noun, Object.fromEntries(verbs)]
  })
  return Object.fromEntries(nouns)
}

function methodOf(route: Route, options: ClientOptions) {
  if (route.produces === 'text/event-stream') {
    return (input: AnyInput = {}, call: CallOptions = {}) =>
      followEvents(options, addressOf(route, options, input), call.signal)
  }
  if (route.streamed) {
    return (input: AnyInput = {}, call: CallOptions = {}) => pieces(route, options, input, call)
  }
  return (input: AnyInput = {}, call: CallOptions = {}) => send(route, options, input, call)
}

/** The body as it comes. Throws `unavailable` when it breaks off: half of it is not the answer. */
async function* pieces(
  route: Route,
  options: ClientOptions,
  input: AnyInput,
  { signal }: CallOptions,
): AsyncGenerator<string> {
  const answer = await request(route, options, input, signal)
  if (!answer.ok || answer.body === null) {
    await readAnswer(answer, options.baseUrl)
    return
  }
  const decoder = new TextDecoder()
  try {
    for await (const bytes of answer.body) yield decoder.decode(bytes, { stream: true })
  } catch (cause) {
    throw unreachable(options.baseUrl, cause, signal)
  }
}

async function send(
  route: Route,
  options: ClientOptions,
  input: AnyInput,
  call: CallOptions,
): Promise<unknown> {
  const bounded = AbortSignal.timeout(limits.exchangeMs)
  const signal = call.signal ? AbortSignal.any([call.signal, bounded]) : bounded
  const answer = await request(route, options, input, signal)
  return await readAnswer(answer, options.baseUrl)
}

async function request(
  route: Route,
  options: ClientOptions,
  input: AnyInput,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const address = addressOf(route, options, input)
  const init: RequestInit = {
    method: route.method,
    headers: headersOf(route, options, input),
    ...(signal && { signal }),
  }
  // A declared body may have no required member; the API still wants one.
  if (route.body) init.body = JSON.stringify(input.body ?? {})
  return await options.fetch(address, init).catch((cause: unknown) => {
    throw unreachable(options.baseUrl, cause, signal)
  })
}

function headersOf(route: Route, options: ClientOptions, input: AnyInput): Record<string, string> {
  const headers: Record<string, string> = {
    accept: 'application/json, application/problem+json',
    ...(options.token && { authorization: `Bearer ${options.token.reveal()}` }),
  }
  if (route.body) headers['content-type'] = 'application/json'
  for (const [name, value] of Object.entries(input.headers ?? {})) {
    if (value !== undefined) headers[name] = String(value)
  }
  return headers
}

function addressOf(route: Route, options: ClientOptions, input: AnyInput): string {
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) =>
    pathSegment(name, input.params?.[name]),
  )
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(input.query ?? {})) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item !== undefined) query.append(name, String(item))
    }
  }
  const search = query.size > 0 ? `?${query}` : ''
  return `${options.baseUrl.replace(/\/$/, '')}${path}${search}`
}

/** URLs take `.` and `..` for steps, also when they are encoded: such a value is no segment. */
function pathSegment(name: string, value: unknown): string {
  const text = String(value ?? '')
  if (text === '' || text === '.' || text === '..') {
    throw badInput(`path.${name}`, 'cannot be empty, . or ..')
  }
  return encodeURIComponent(text)
}
