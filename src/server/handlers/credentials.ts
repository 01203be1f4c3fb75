import type { Api } from '../../contract/api.ts'
import { listEnds } from '../../features/credentials/ends/list.ts'
import {
  addSecond,
  dropSecond,
  promoteSecond,
  sayEnd,
  testSecond,
} from '../../features/credentials/second.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

export function credentialHandlers({
  store,
  second,
}: ServerDependencies): Handlers<Api>['credential'] {
  return {
    list: (actor, { query }) => listEnds(actor, store, query),
    end: (actor, { params, body }) => sayEnd(actor, store, params.tenantId, body),
    add: (actor, { params, body }) => addSecond(actor, second, params.tenantId, body),
    test: (actor, { params }, { signal }) => testSecond(actor, second, params.tenantId, signal),
    promote: (actor, { params }) => promoteSecond(actor, second, params.tenantId),
    drop: (actor, { params, query }) => dropSecond(actor, second, { ...params, ...query }),
  }
}
