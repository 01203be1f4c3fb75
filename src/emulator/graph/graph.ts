import { isQuery } from '../../catalogue/graphLimits.ts'
import { permissionsFor } from '../../catalogue/permissions.ts'
import { doLicenceWork } from '../directory/licenceWork.ts'
import { seenTenant } from '../directory/replicas.ts'
import type { Tenant } from '../directory/types.ts'
import { expireDeleted } from '../directory/write.ts'
import { type BatchPart, headerText, type Reply, type Request } from '../exchange.ts'
import {
  GraphRefusal,
  type RequestIds,
  refusalReply,
  refuse,
  segmentNotFound,
} from '../graphErrors.ts'
import { type Claims, verifyToken } from '../login/keys.ts'
import { isGraphAudience } from '../login/token.ts'
import { randomGuid } from '../random.ts'
import { admit } from './budgets.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { checkFront, crossOrigin, preflight } from './front.ts'
import { answerService } from './metadata.ts'
import { resourceUnits } from './resourceUnits.ts'
import { matchRoute, pathSegments } from './routes.ts'
import type { GraphState } from './state.ts'

/** What a request is answered with in place of being answered. */
export type Instead = Reply | GraphRefusal

export interface GraphCall {
  state: GraphState
  request: Request
  /** From a fault: the call is not made. */
  instead: Instead | undefined
  again(request: Request, part: BatchPart): Promise<Reply>
}

/** Everything under graph.microsoft.com. */
export async function answerGraph(call: GraphCall): Promise<Reply> {
  const { state, request } = call
  const ids: RequestIds = {
    requestId: randomGuid(state.random),
    clientRequestId: headerText(request, 'client-request-id') ?? randomGuid(state.random),
  }
  const reply = await answerOrRefuse(call, ids)
  const headers = {
    'request-id': ids.requestId,
    'client-request-id': ids.clientRequestId,
    'x-ms-ags-diagnostic':
      '{"ServerInfo":{"DataCenter":"West Europe","Slice":"E","Ring":"5","ScaleUnit":"004","RoleInstance":"AM4PEPF00000001"}}',
    ...crossOrigin(request),
    'cache-control': 'no-cache',
    'strict-transport-security': 'max-age=31536000',
    date: new Date(state.clock.now()).toUTCString(),
  }
  return { ...reply, headers: { ...headers, ...reply.headers } }
}

async function answerOrRefuse(call: GraphCall, ids: RequestIds): Promise<Reply> {
  const { state, request, instead } = call
  try {
    if (instead instanceof GraphRefusal) throw instead
    if (instead !== undefined) return instead
    if (request.method === 'OPTIONS') return preflight(request)
    const service = answerService(request, pathSegments(request.path))
    if (service !== undefined) return service
    const { claims, tenant } = signedIn(state, request)
    return await dispatch(call, tenant, claims, ids.requestId)
  } catch (thrown) {
    if (!(thrown instanceof GraphRefusal)) throw thrown
    return refusalReply(thrown, ids, state.clock.now())
  }
}

/** Whose token it is; refuses without one, or when it is not good for Graph now. */
function signedIn(state: GraphState, request: Request): { claims: Claims; tenant: Tenant } {
  const token = bearerToken(request)
  if (token === undefined) throw unauthorized('no token')
  const claims = verifyToken(state.keys, token)
  const tenant = claims === undefined ? undefined : state.tenants.get(claims.tid)
  if (claims === undefined || tenant === undefined) {
    throw unauthorized('no token', 'Access token validation failure.')
  }
  if (!isGraphAudience(claims.aud, tenant.cloud, request.host)) throw unauthorized('wrong audience')
  if (claims.exp * 1000 <= state.clock.now()) throw unauthorized('expired token')
  return { claims, tenant }
}

export function bearerToken(request: Request): string | undefined {
  const [scheme, token] = (request.headers.authorization ?? '').split(' ')
  return scheme?.toLowerCase() === 'bearer' && token ? token : undefined
}

function unauthorized(name: string, message?: string): GraphRefusal {
  const known = refuse(name)
  return new GraphRefusal(known.status, known.code, message ?? known.message, {
    headers: {
      'www-authenticate':
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"',
    },
  })
}

async function dispatch(
  call: GraphCall,
  tenant: Tenant,
  claims: Claims,
  requestId: string,
): Promise<Reply> {
  const { state, request, again } = call
  const segments = pathSegments(request.path)
  const options = checkFront(request, segments)
  const matched = matchRoute(request.method, segments)
  if (matched === 'other method') throw refuse('method not allowed')
  if (matched === undefined) throw segmentNotFound(segments.at(-1) ?? '')
  requireRole(matched.route, claims)
  doLicenceWork(tenant)
  expireDeleted(tenant)
  const resource = segments.join('/')
  const eventual = request.headers.consistencylevel === 'eventual' || /\/delta$/i.test(resource)
  const seen = seenTenant(tenant, eventual)
  const context: GraphCallContext = {
    state,
    tenant: isQuery(`${request.method} ${matched.route.path.slice(1)}`) ? seen : tenant,
    seen,
    claims,
    request,
    params: matched.params,
    resource,
    options,
    requestId,
    again,
  }
  const reply = await answerCharged(matched.route, context)
  const units = resourceUnits(matched.route, context)
  if (units !== undefined) reply.headers['x-ms-resource-unit'] = String(units)
  return reply
}

/** What is refused as wrong or forbidden costs nothing. */
async function answerCharged(route: GraphRoute, context: GraphCallContext): Promise<Reply> {
  const giveBack = admit(route, context)
  try {
    return await route.answer(context)
  } catch (thrown) {
    if (thrown instanceof GraphRefusal && [400, 403].includes(thrown.status)) giveBack()
    throw thrown
  }
}

/** Any one of the permissions that the catalogue names for the operation suffices. */
function requireRole(route: GraphRoute, claims: Claims): void {
  const { needs = route.path } = route
  if (needs === null) return
  const wanted = typeof needs === 'string' ? permissionsFor(route.method, needs) : needs
  if (!wanted.some((name) => claims.roles.includes(name))) {
    throw refuse('missing permission (directory)')
  }
}
