import { elapsedMs } from '../core/clock.ts'
import { checkReply } from './check.ts'
import { answerControl } from './control/control.ts'
import { findTenant } from './directory/findTenant.ts'
import {
  type BatchPart,
  headerText,
  jsonReply,
  pathParts,
  type Reply,
  type Request,
} from './exchange.ts'
import { chooseFault } from './faults/book.ts'
import { delayOf } from './faults/kinds.ts'
import type { Fault, FaultCall } from './faults/types.ts'
import { isBeforeCall } from './faults/wire.ts'
import { withoutMetadata } from './graph/front.ts'
import { answerGraph, bearerToken } from './graph/graph.ts'
import { GraphRefusal } from './graphErrors.ts'
import { type Service, serviceOf } from './hosts.ts'
import { namedThumbprint } from './login/assertion.ts'
import { verifyToken } from './login/keys.ts'
import { answerLogin } from './login/login.ts'
import { recordCall } from './record.ts'
import type { State } from './state.ts'

export interface Answered {
  /** Undefined: the call was not made, and the fault says how the connection ends. */
  reply: Reply | undefined
  fault: Fault | undefined
}

interface Caller {
  tenantId: string | undefined
  appId: string | undefined
  thumbprint?: string | undefined
}

/** One request from routing to the answer: faults, the service itself, latency, the record. */
export async function answer(state: State, request: Request): Promise<Answered> {
  const service = serviceOf(request.host, request.path)
  if (service === 'control' && state.controlled) {
    return { reply: answerControl(state, request), fault: undefined }
  }
  if (service !== 'login' && service !== 'graph') {
    const body = { error: { code: 'NotFound', message: 'There is nothing here.' } }
    return { reply: jsonReply(404, body), fault: undefined }
  }
  return answerService(state, service, request, undefined)
}

async function answerService(
  state: State,
  service: 'login' | 'graph',
  request: Request,
  batch: BatchPart | undefined,
): Promise<Answered> {
  const batched = batch !== undefined
  const started = state.clock.now()
  const caller = callerOf(state, service, request)
  const call: FaultCall = { state, service, request, tenantId: caller.tenantId, batched }
  const fault = chooseFault(state.faults, call)
  const done = enter(state, caller)
  try {
    const wire = fault?.kind.wire
    const made = wire === undefined || !isBeforeCall(wire)
    const reply = made ? await replyTo(state, call, fault) : undefined
    if (!batched) await wait(state, caller, reply, fault)
    recordCall(state.calls, {
      ...recordOf(call, fault, reply),
      ...{ appId: caller.appId, thumbprint: caller.thumbprint, batch, batched },
      at: started,
      milliseconds: elapsedMs(state.clock, started),
    })
    return { reply, fault }
  } finally {
    done()
  }
}

async function replyTo(state: State, call: FaultCall, fault: Fault | undefined): Promise<Reply> {
  const { service } = call
  const kind = fault?.kind
  const request = rewritten(call, fault)
  const instead = fault === undefined ? undefined : kind?.instead?.(fault.spec, call)
  const again = async (inner: Request, part: BatchPart) => {
    const { reply } = await answerService(state, 'graph', inner, part)
    return reply ?? jsonReply(504, {})
  }
  const reply =
    service === 'graph'
      ? await answerGraph({ state, request, instead, again })
      : loginReply(state, request, instead)
  if (state.checkAnswers && instead === undefined) checkReply(state.violations, request, reply)
  const altered = fault === undefined ? reply : (kind?.alter?.(reply, fault.spec, call) ?? reply)
  return withoutMetadata(request, altered)
}

function rewritten(call: FaultCall, fault: Fault | undefined): Request {
  if (fault === undefined) return call.request
  return fault.kind.rewrite?.(call.request, fault.spec, call) ?? call.request
}

function loginReply(
  state: State,
  request: Request,
  instead: Reply | GraphRefusal | undefined,
): Reply {
  if (instead === undefined) return answerLogin(state, request)
  if (!(instead instanceof GraphRefusal)) return instead
  const { status, code, message, headers } = instead
  return jsonReply(status, { error: code, error_description: message }, headers)
}

/** Who calls, as far as the request tells: nothing is checked here. */
function callerOf(state: State, service: Service, request: Request): Caller {
  if (service === 'graph') {
    const claims = verifyToken(state.keys, bearerToken(request) ?? '')
    return { tenantId: claims?.tid, appId: claims?.appid }
  }
  const [name = ''] = pathParts(request.path)
  const form = new URLSearchParams(request.body.toString('utf8'))
  return {
    tenantId: findTenant(state.tenants, name, request.host)?.id,
    appId: form.get('client_id') ?? undefined,
    thumbprint: namedThumbprint(form.get('client_assertion') ?? ''),
  }
}

function enter(state: State, { tenantId = 'none' }: Caller): () => void {
  const change = (by: number) =>
    state.inFlight.set(tenantId, (state.inFlight.get(tenantId) ?? 0) + by)
  change(1)
  return () => change(-1)
}

/**
 * t = (fixed + per row * rows) * (1 + in flight / divisor), after measurements of the service. The
 * call itself is in flight, too.
 */
async function wait(
  state: State,
  { tenantId = 'none' }: Caller,
  reply: Reply | undefined,
  fault: Fault | undefined,
): Promise<void> {
  const { fixedMs, perRowMs, inFlightDivisor } = state.latency
  const inFlight = state.inFlight.get(tenantId) ?? 1
  const load = inFlightDivisor > 0 ? 1 + inFlight / inFlightDivisor : 1
  const ms = (fixedMs + perRowMs * (reply?.rows ?? 0)) * load + delayOf(fault?.spec)
  if (ms > 0) await state.clock.sleep(ms)
}

/** Reads that are sent as POST because of their size. */
const queries = /\/(\$batch|getByIds|(get|check)Member(Groups|Objects)|validateProperties)$/i

function recordOf(call: FaultCall, fault: Fault | undefined, reply: Reply | undefined) {
  const { service, request, tenantId } = call
  const { method, path, queryText } = request
  const write = service === 'graph' && method !== 'GET' && !queries.test(path)
  const ran = reply !== undefined && fault?.kind.instead === undefined
  const answered = reply !== undefined && fault?.kind.wire !== 'unknown-outcome'
  return {
    service,
    method,
    path: queryText === '' ? path : `${path}?${queryText}`,
    status: answered ? reply.status : 0,
    tenantId,
    requestId: reply?.headers['request-id'],
    clientRequestId: headerText(request, 'client-request-id'),
    write,
    applied: write && ran && reply.status < 300,
    fault: fault?.spec.name,
    bytes: reply?.body.length ?? 0,
    rows: reply?.rows ?? 0,
  }
}
