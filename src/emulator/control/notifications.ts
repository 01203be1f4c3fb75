import Type from 'typebox'
import type { JsonObject } from '../../core/json.ts'
import type { Tenant } from '../directory/types.ts'
import { announceLifecycle } from '../notifications/deliver.ts'
import { subscriptionsOf } from '../notifications/subscriptions.ts'
import type { State } from '../state.ts'
import { ControlRefusal, readAs } from './input.ts'

const SettingsInput = Type.Object(
  {
    delayMs: Type.Optional(Type.Number({ minimum: 0 })),
    retryFirstMs: Type.Optional(Type.Number({ minimum: 0 })),
    loopbackHttp: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
)

const LifecycleInput = Type.Object(
  {
    event: Type.Union([
      Type.Literal('reauthorizationRequired'),
      Type.Literal('subscriptionRemoved'),
      Type.Literal('missed'),
    ]),
    /** All of the tenant unless given. */
    subscriptionId: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
)

/** How notifications are sent, and how many requests wait to be. */
export function showNotifications({ notifier }: State): unknown {
  const { delayMs, retryFirstMs, loopbackHttp } = notifier.settings
  return { delayMs, retryFirstMs, loopbackHttp, waiting: notifier.queue.length }
}

export function setNotifications(state: State, input: JsonObject): unknown {
  Object.assign(state.notifier.settings, readAs(SettingsInput, input))
  return showNotifications(state)
}

export function listSubscriptions(state: State, tenant: Tenant): unknown {
  return [...subscriptionsOf(state, tenant.id).values()]
}

export function postLifecycle(state: State, tenant: Tenant, input: JsonObject): unknown {
  const { event, subscriptionId } = readAs(LifecycleInput, input)
  const chosen = [...subscriptionsOf(state, tenant.id).values()].filter(
    ({ id }) => subscriptionId === undefined || id === subscriptionId,
  )
  if (chosen.length === 0) throw new ControlRefusal(404, 'There is no such subscription.')
  for (const subscription of chosen) announceLifecycle(state, subscription, event)
  return { ids: chosen.map(({ id }) => id) }
}
