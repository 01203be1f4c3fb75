import { isJsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'

/** What a notification says, as far as we listen: which subscription, its secret, what happened. */
export interface Hint {
  subscriptionId: string
  clientState: string
  event: 'changed' | 'missed' | 'reauthorizationRequired' | 'subscriptionRemoved'
}

const lifecycle = ['missed', 'reauthorizationRequired', 'subscriptionRemoved'] as const

/**
 * The hints of a body that anybody may have sent. Never throws: what is not a notification holds
 * none. Which object changed is not read: the delta says it, and it cannot be forged.
 */
export function readHints(bytes: Uint8Array): Hint[] {
  const value = parsed(bytes)
  const items = isJsonObject(value) && Array.isArray(value.value) ? value.value : []
  return items.slice(0, limits.notificationItemsMax).flatMap((item): Hint[] => {
    if (!isJsonObject(item)) return []
    const { subscriptionId, clientState, lifecycleEvent } = item
    if (typeof subscriptionId !== 'string' || subscriptionId.length > 64) return []
    if (typeof clientState !== 'string' || clientState.length > 128) return []
    if (subscriptionId.includes('\0') || !subscriptionId.isWellFormed()) return []
    const event = lifecycle.find((name) => name === lifecycleEvent)
    if (lifecycleEvent !== undefined && event === undefined) return []
    return [{ subscriptionId, clientState, event: event ?? 'changed' }]
  })
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}
