import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Route } from '../contract/route.ts'
import { type Actor, scopesPermitted } from '../core/actor.ts'
import { AppError, badInput } from '../core/errors.ts'
import { Sealed } from '../core/secret.ts'
import { type BrowserRules, cookieOf, requireOwnPage, requireSameOrigin } from './browser.ts'

/** What a caller shows: a token in the header, or what their browser keeps for a session. */
export interface Credential {
  kind: 'token' | 'session'
  secret: Sealed
}

export type Authenticate = (credential: Credential) => Promise<Actor | undefined>

/**
 * Signed in, and permitted the route's operation on its type; whether on this node the feature
 * asks. It comes before the body is read: a stranger's megabyte is not parsed.
 */
export async function admit(
  authenticate: Authenticate,
  rules: BrowserRules,
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const credential = credentialOf(request)
  const isWrite = route.method !== 'GET'
  if (route.permission === 'open') {
    // Else another site could sign its visitor in as somebody of its choice.
    if (isWrite) requireSameOrigin(request, rules)
    return
  }
  const actor = credential && (await authenticate(credential))
  if (!actor) {
    reply.header('www-authenticate', 'Bearer realm="Patchbay"')
    throw new AppError('sign-in-required', 'Sign in, or send a valid access token as a bearer.')
  }
  // Before the permission is asked: who was refused it is to be known.
  request.actor = actor
  request.credential = credential
  if (credential.kind === 'session' && isWrite) requireOwnPage(request, rules, credential.secret)
  if (route.permission === 'signed-in') return
  const { operation } = route.permission
  scopesPermitted(actor, operation, filled(route.permission.type, request.params))
}

/** A header goes before a cookie: no browser adds one by itself. */
function credentialOf(request: FastifyRequest): Credential | undefined {
  const { authorization } = request.headers
  // Node reads the first of several; whoever stands in front of us may have read another.
  const isOne = (name: string, at: number) => at % 2 === 0 && /^authorization$/i.test(name)
  if (request.raw.rawHeaders.filter(isOne).length > 1) {
    throw badInput('headers.authorization', 'is there more than once.')
  }
  if (authorization === undefined) {
    const secret = cookieOf(request, 'session')
    return secret && { kind: 'session', secret }
  }
  const token = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(authorization)?.[1]
  return token === undefined ? undefined : { kind: 'token', secret: new Sealed(token) }
}

/** `device/{application}/{name}` with the names in the path of the request. */
function filled(type: string, params: unknown): string {
  const members = new Map(Object.entries(params ?? {}))
  return type.replaceAll(/\{(\w+)\}/g, (_all, name: string) => String(members.get(name) ?? ''))
}
