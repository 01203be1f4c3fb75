import type { Api } from '../../contract/api.ts'
import {
  allowTarget,
  forbidTarget,
  inheritPolicy,
  showPolicy,
} from '../../features/egress/policy.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

export function egressHandlers({ store, directory }: ServerDependencies): Handlers<Api>['egress'] {
  const { db } = store
  const { proxies } = directory
  return {
    show: (actor, { params }) => showPolicy(actor, db, proxies, params.nodeId),
    allow: (actor, { params, body }) => allowTarget(actor, db, proxies, { ...params, ...body }),
    forbid: (actor, { params, body }) => forbidTarget(actor, db, proxies, { ...params, ...body }),
    inherit: (actor, { params }) => inheritPolicy(actor, db, proxies, params.nodeId),
  }
}
