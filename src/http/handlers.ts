import type { TSchema } from 'typebox'
import type { Contract, Route, RouteAnswer, RouteInput } from '../contract/route.ts'
import { type Actor, operations } from '../core/actor.ts'
import { AppError } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import type { Credential } from './admission.ts'
import type { Browser } from './browser.ts'
import type { CheckedInput } from './input.ts'

export interface RequestContext {
  /** Aborted when the caller hangs up. */
  signal: AbortSignal
  requestId: string
  browser: Browser
  /** What the caller signed in with. */
  credential: Credential | undefined
}

/** One event of a stream. `id` is what the reader gives back to go on behind it. */
export interface StreamedEvent {
  id: string
  event: string
  data: Json
}

/** What a service that calls us is told. */
export interface ForeignAnswer {
  status: 200 | 202
  text: string
}

/** Where a browser is sent on to. */
export interface Elsewhere {
  location: string
}

/** The declared parts; of a request by a service the body as it came. */
type Input<R extends Route> = R extends { foreign: true }
  ? Omit<RouteInput<R>, 'body'> & { body: Uint8Array | undefined }
  : RouteInput<R>

/**
 * What a handler returns: the declared body, text, or events for as long as they are read. Where
 * none is declared nothing is sent, whatever it returns.
 */
export type Answer<R extends Route> = R extends { produces: 'text/event-stream' }
  ? AsyncIterable<StreamedEvent>
  : R extends { streamed: true }
    ? AsyncIterable<string>
    : R extends { foreign: true }
      ? ForeignAnswer
      : R extends { produces: string }
        ? string
        : R extends { status: 303 }
          ? Elsewhere
          : R extends { answer: TSchema }
            ? RouteAnswer<R>
            : unknown

type Caller<R extends Route> = R['permission'] extends 'open' ? undefined : Actor

export type Handler<R extends Route> = (
  actor: Caller<R>,
  input: Input<R>,
  context: RequestContext,
) => Promise<Answer<R>>

/** A function for every route of a contract, by the same two keys. */
export type Handlers<C extends Contract> = {
  [Noun in keyof C]: { [Verb in keyof C[Noun]]: Handler<C[Noun][Verb]> }
}

/** A handler whose types the contract has already checked. */
export type AnyHandler = (
  actor: Actor | undefined,
  input: CheckedInput,
  context: RequestContext,
) => Promise<unknown>

/**
 * Routes with their handlers. The compiler already refuses a gap where the types are known; this
 * also stops a start with handlers put together at run time.
 */
export function bindHandlers<C extends Contract>(
  contract: C,
  handlers: Handlers<C>,
): { route: Route; handler: AnyHandler }[] {
  // A mapped type cannot be walked with its keys' types kept; each pair was checked on the way in.
  const given = handlers as unknown as Record<string, Record<string, AnyHandler> | undefined>
  const bound = Object.entries(contract).flatMap(([noun, routes]) =>
    Object.entries(routes).map(([verb, route]) => {
      if (route.name !== `${noun}.${verb}`) throw misbound(`${noun}.${verb}`, `named ${route.name}`)
      const handler = given[noun]?.[verb]
      if (typeof handler !== 'function') throw misbound(route.name, 'without a handler')
      if (!isGuarded(route)) throw misbound(route.name, 'without a permission')
      return { route, handler }
    }),
  )
  for (const [noun, verbs] of Object.entries(given)) {
    for (const verb of Object.keys(verbs ?? {})) {
      if (!contract[noun]?.[verb]) throw misbound(`${noun}.${verb}`, 'a handler without a route')
    }
  }
  return bound
}

/** The types say it, too; but a route that came without them would be open to everybody. */
function isGuarded({ permission }: Route): boolean {
  if (permission === 'open' || permission === 'signed-in') return true
  return operations.includes(permission?.operation) && permission.type !== ''
}

function misbound(name: string, what: string): AppError {
  return new AppError('internal', `The server did not start: ${name} is ${what}.`)
}

export function isForeignAnswer(answer: unknown): answer is ForeignAnswer {
  return typeof answer === 'object' && answer !== null && 'status' in answer && 'text' in answer
}

export function isElsewhere(answer: unknown): answer is Elsewhere {
  return typeof answer === 'object' && answer !== null && 'location' in answer
}

export function areEvents(answer: unknown): answer is AsyncIterable<StreamedEvent> {
  return isIterable(answer)
}

export function arePieces(answer: unknown): answer is AsyncIterable<string> {
  return isIterable(answer)
}

function isIterable(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer
}
