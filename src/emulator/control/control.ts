import type { JsonObject } from '../../core/json.ts'
import { findTenant } from '../directory/findTenant.ts'
import { doLicenceWork } from '../directory/licenceWork.ts'
import type { Tenant } from '../directory/types.ts'
import { jsonReply, pathParts, type Reply, type Request } from '../exchange.ts'
import { deliverDue } from '../notifications/deliver.ts'
import { newCallBook } from '../record.ts'
import type { State } from '../state.ts'
import { accessTo } from '../tenantAccess.ts'
import { postDelegation } from './delegations.ts'
import { clearFaults, listFaults, postFault } from './faults.ts'
import { ControlRefusal, numberIn, readInput } from './input.ts'
import { mutate } from './mutate.ts'
import {
  listSubscriptions,
  postLifecycle,
  setNotifications,
  showNotifications,
} from './notifications.ts'
import { snapshotText } from './snapshot.ts'
import {
  deleteCredential,
  listCredentials,
  patchCredential,
  patchTenant,
  postCertificate,
  postSecret,
  postTenant,
} from './tenants.ts'

/** Everything under `/_control/`: for tests and demonstrations, JSON in and out. */
export function answerControl(state: State, request: Request): Reply {
  try {
    const [, ...path] = pathParts(request.path)
    if (path[0] === 'tenants' && path.length > 1) return answerTenant(state, request, path.slice(1))
    return jsonReply(200, answerGlobal(state, request, path))
  } catch (thrown) {
    if (!(thrown instanceof ControlRefusal)) throw thrown
    return jsonReply(thrown.status, { error: thrown.message })
  }
}

function answerGlobal(state: State, request: Request, path: readonly string[]): unknown {
  switch (`${request.method} ${path[0] ?? ''}`) {
    case 'GET tenants':
      return [...state.tenants.values()].map(accessTo)
    case 'POST tenants':
      return postTenant(state, readInput(request))
    case 'GET faults':
      return listFaults(state)
    case 'POST faults':
      return postFault(state, request)
    case 'DELETE faults':
      return clearFaults(state, path[1])
    case 'GET calls':
      return listCalls(state, new URLSearchParams(request.queryText))
    case 'DELETE calls':
      Object.assign(state.calls, newCallBook())
      return {}
    case 'GET stats':
      return Object.fromEntries(state.calls.stats)
    case 'GET violations':
      return state.violations
    case 'DELETE violations':
      return { cleared: state.violations.splice(0).length }
    case 'GET latency':
      return state.latency
    case 'PUT latency':
      return setLatency(state, readInput(request))
    case 'GET clock':
      return { now: state.clock.now(), offsetMs: state.clock.offsetMs }
    case 'GET notifications':
      return showNotifications(state)
    case 'PUT notifications':
      return setNotifications(state, readInput(request))
    case 'POST clock':
      return moveClock(state, readInput(request))
    default:
      throw new ControlRefusal(404, 'There is no such control.')
  }
}

function answerTenant(state: State, request: Request, path: readonly string[]): Reply {
  const [name = '', part = '', id = ''] = path
  const tenant = findTenant(state.tenants, name)
  if (tenant === undefined) throw new ControlRefusal(404, `There is no tenant ${name}.`)
  doLicenceWork(tenant)
  if (request.method === 'GET' && part === 'snapshot') {
    const headers = { 'content-type': 'application/json' }
    return { status: 200, headers, body: snapshotText(tenant), rows: 0 }
  }
  return jsonReply(200, answerPart(state, request, tenant, part, id))
}

function answerPart(
  state: State,
  request: Request,
  tenant: Tenant,
  part: string,
  id: string,
): unknown {
  const input = readInput(request)
  switch (`${request.method} ${part}`) {
    case 'GET ':
      return accessTo(tenant)
    case 'PATCH ':
      return patchTenant(state, tenant, input)
    case 'DELETE ':
      return { deleted: state.tenants.delete(tenant.id) }
    case 'POST delegations':
      return postDelegation(state, tenant, input)
    case 'GET credentials':
      return listCredentials(tenant)
    case 'POST secrets':
      return postSecret(state, tenant, input)
    case 'POST certificates':
      return postCertificate(state, tenant, input)
    case 'PATCH credentials':
      return patchCredential(state, tenant, id, input)
    case 'DELETE credentials':
      return deleteCredential(tenant, id)
    case 'GET subscriptions':
      return listSubscriptions(state, tenant)
    case 'POST lifecycle':
      return postLifecycle(state, tenant, input)
    case 'POST mutate':
      return mutate(tenant, input, state.clock.now())
    default:
      throw new ControlRefusal(404, 'There is no such control.')
  }
}

/**
 * `?tenant=`, `?app=`, `?service=`, `?writes=true`, `?requestId=`, `?path=` (a part of it) and
 * `?since=` (milliseconds since 1970) narrow the record.
 */
function listCalls(state: State, query: URLSearchParams): unknown {
  const path = query.get('path') ?? ''
  const tenantId = query.get('tenant')
  const service = query.get('service')
  const appId = query.get('app')
  const requestId = query.get('requestId')
  const since = Number(query.get('since') ?? 0)
  return state.calls.calls.filter(
    (call) =>
      call.path.includes(path) &&
      (tenantId === null || call.tenantId === tenantId) &&
      (service === null || call.service === service) &&
      (appId === null || call.appId === appId) &&
      (requestId === null || [call.requestId, call.batch?.requestId].includes(requestId)) &&
      call.at >= since &&
      (query.get('writes') !== 'true' || call.write),
  )
}

function setLatency(state: State, input: JsonObject): unknown {
  state.latency = {
    fixedMs: numberIn(input, 'fixedMs', 0),
    perRowMs: numberIn(input, 'perRowMs', 0),
    inFlightDivisor: numberIn(input, 'inFlightDivisor', 0),
  }
  return state.latency
}

/** `{offsetMs}` sets how far the clock is from the real one, `{advanceMs}` moves it on. */
function moveClock(state: State, input: JsonObject): unknown {
  const offset = numberIn(input, 'offsetMs', state.clock.offsetMs)
  state.clock.offsetMs = offset + numberIn(input, 'advanceMs', 0)
  for (const tenant of state.tenants.values()) doLicenceWork(tenant)
  deliverDue(state)
  return { now: state.clock.now(), offsetMs: state.clock.offsetMs }
}
