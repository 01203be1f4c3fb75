import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Route } from '../contract/route.ts'
import { type Actor, scopesPermitted } from '../core/actor.ts'
import { AppError } from '../core/errors.ts'
import { Sealed } from '../core/secret.ts'

export type Authenticate = (token: Sealed) => Promise<Actor | undefined>

/**
 * Signed in, and permitted the route's operation on its type; whether on this node the feature
 * asks. It comes before the body is read: a stranger's megabyte is not parsed.
 */
export async function admit(
  authenticate: Authenticate,
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  if (route.permission === 'open') return
  const token = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(request.headers.authorization ?? '')?.[1]
  const actor = token === undefined ? undefined : await authenticate(new Sealed(token))
  if (!actor) {
    reply.header('www-authenticate', 'Bearer realm="Patchbay"')
    throw new AppError('sign-in-required', 'Send a valid access token as a bearer token.')
  }
  // Before the permission is asked: who was refused it is to be known.
  request.actor = actor
  if (route.permission === 'signed-in') return
  const { operation } = route.permission
  const type = filled(route.permission.type, request.params)
  scopesPermitted(actor, operation, type)
}

/** `device/{application}/{name}` with the names in the path of the request. */
function filled(type: string, params: unknown): string {
  const members = new Map(Object.entries(params ?? {}))
  return type.replaceAll(/\{(\w+)\}/g, (_all, name: string) => String(members.get(name) ?? ''))
}
