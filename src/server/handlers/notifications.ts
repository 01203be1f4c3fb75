import type { Api } from '../../contract/api.ts'
import { listSubscriptions } from '../../features/notifications/list.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

/** `text/plain` is the route's; with nosniff no browser takes what is echoed for anything else. */
export function notificationHandlers({
  receiver,
}: ServerDependencies): Handlers<Api>['notification'] {
  return {
    receive: async (_nobody, { query, body }) => {
      const { validationToken } = query
      if (validationToken !== undefined) return { status: 200, text: validationToken }
      if (body !== undefined) receiver.receive(body)
      return { status: 202, text: '' }
    },
  }
}

export function subscriptionHandlers({ store }: ServerDependencies): Handlers<Api>['subscription'] {
  return { list: (actor, { query }) => listSubscriptions(actor, store, query) }
}
