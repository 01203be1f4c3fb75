import type { Api } from '../../contract/api.ts'
import { addTarget, listTargets, removeTarget, testTarget } from '../../features/alerts/targets.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

export function alertHandlers({ store, alerting }: ServerDependencies): Handlers<Api>['alert'] {
  return {
    list: (actor, { query }) => listTargets(actor, store, query),
    add: (actor, { body }) => addTarget(actor, alerting, body),
    remove: (actor, { params }) => removeTarget(actor, store, params.targetId),
    test: (actor, { params }) => testTarget(actor, alerting, params.targetId),
  }
}
