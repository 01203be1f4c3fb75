import type { FastifyRequest } from 'fastify'
import type { Route } from '../contract/route.ts'
import { Closed } from '../contract/schemas.ts'
import { badInput } from '../core/errors.ts'
import { coerceMembers } from './coercion.ts'
import { compileCheck } from './validation.ts'

/** The four parts of a request, checked: what a handler may trust. */
export interface CheckedInput {
  params: unknown
  query: unknown
  headers: unknown
  body: unknown
}

/** Compiles a route's schemas once; what a route does not declare it does not take. */
export function inputReader(route: Route): (request: FastifyRequest) => CheckedInput {
  const paramsSchema = route.params ?? Closed({})
  const querySchema = route.query ?? Closed({})
  const checkParams = compileCheck('path', paramsSchema)
  const checkQuery = compileCheck('query', querySchema)
  const checkHeaders = route.headers && compileCheck('headers', route.headers)
  const checkBody = route.body && compileCheck('body', route.body)
  return (request) => {
    const params = coerceMembers(paramsSchema, request.params)
    const query = coerceMembers(querySchema, request.query)
    checkParams(params)
    checkQuery(query)
    checkHeaders?.(request.headers)
    if (route.foreign) return { params, query, headers: request.headers, body: request.body }
    if (checkBody && request.body === undefined) throw badInput('body', 'is required')
    if (!checkBody && hasBody(request)) throw badInput('body', 'is not taken here')
    checkBody?.(request.body)
    return { params, query, headers: request.headers, body: request.body }
  }
}

/** By its headers: Fastify leaves the body of a GET unread, and others on the way might read it. */
function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
