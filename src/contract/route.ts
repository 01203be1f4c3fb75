import type { Static, TSchema } from 'typebox'
import type { Operation } from '../core/actor.ts'

/**
 * One route of an API, as data. The server refuses to start with a route that has no handler; the
 * client, the OpenAPI document and the tests of every field are made from the same value.
 */
export interface Route {
  /** `noun.verb`; unique, and the name of its handler and of its method in the client. */
  name: string
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  /** With `{name}` for each member of `params`. */
  path: string
  summary: string
  /**
   * What the caller must be permitted. `open` needs no sign-in (health only); `signed-in` needs no
   * more than that. A type may hold `{application}` and `{name}` of the path.
   */
  permission: 'open' | 'signed-in' | { operation: Operation; type: string }
  /** Also as a reading it goes on record where it is refused, as exports do by themselves. */
  watched?: true
  params?: TSchema
  query?: TSchema
  headers?: TSchema
  body?: TSchema
  /** The answer's body; absent: none (204). */
  answer?: TSchema
  /** 303: the browser is sent on to the `location` the handler answers. */
  status: 200 | 201 | 202 | 204 | 303
  /** Not JSON: `text/event-stream`, `text/plain`. */
  produces?: string
  /** The body comes piece by piece, however long it is. */
  streamed?: true
  /**
   * Called by a service and not by clients of ours: the body is taken as bytes whatever it says it
   * is, and the handler names the status.
   */
  foreign?: true
}

/** Keeps the literal types of a route's schemas. */
export function route<const R extends Route>(value: R): R {
  return value
}

type Part<R extends Route, K extends 'params' | 'query' | 'headers' | 'body'> = R[K] extends TSchema
  ? Static<R[K]>
  : undefined

export interface RouteInput<R extends Route> {
  params: Part<R, 'params'>
  query: Part<R, 'query'>
  headers: Part<R, 'headers'>
  body: Part<R, 'body'>
}

export type RouteAnswer<R extends Route> = R['answer'] extends TSchema
  ? Static<R['answer']>
  : undefined

/** An API: its routes by noun and verb. */
export type Contract = Readonly<Record<string, Readonly<Record<string, Route>>>>

export function routesOf(contract: Contract): Route[] {
  return Object.values(contract).flatMap((group) => Object.values(group))
}
