import { createHash, timingSafeEqual } from 'node:crypto'
import type { Author } from '../../core/actor.ts'
import { limits } from '../../core/limits.ts'
import { markModelsDue } from '../../engine/due/queries.ts'
import type { Log } from '../../store/log.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { rootPath } from '../hierarchy/root.ts'
import type { Store } from '../operation/store.ts'
import { type Hint, readHints } from './hints.ts'
import * as queries from './queries.ts'

/** Takes what Microsoft (or anybody) posts. */
export interface Receiver {
  /** Returns at once: what it says is looked into afterwards, some hundred hints at a time. */
  receive(bytes: Uint8Array): void
  /** Looks into what is left, and takes no more. */
  close(): Promise<void>
}

/** Who the syncs are on behalf of that a hint made due. */
const microsoft: Author = { id: 'system', name: 'Change notification', kind: 'system' }

/**
 * Hints are gathered in memory, equal ones once and only so many, and then compared with the
 * subscriptions in one look. So a flood costs a few queries a second whatever it says, and a sender
 * cannot tell from the time of the answer whether a subscription or its secret was right. What is
 * lost by that, here or when the process ends, is found by the next scheduled sync.
 */
export function createReceiver({ db, clock }: Pick<Store, 'db' | 'clock'>, log: Log): Receiver {
  const pending = new Map<string, Hint>()
  const ending = new AbortController()
  let looking: Promise<void> | undefined

  async function look(): Promise<void> {
    while (pending.size > 0) {
      await clock.sleep(limits.notificationGatherMs, ending.signal).catch(() => {})
      const hints = [...pending.values()]
      pending.clear()
      try {
        const now = clock.now()
        await inScope(db, rootPath, (tx) => heed(tx, hints, now))
      } catch (error) {
        log.warn({ hints: hints.length, error: String(error) }, 'change notifications were lost')
      }
    }
    looking = undefined
  }

  return {
    receive(bytes) {
      if (ending.signal.aborted) return
      for (const hint of readHints(bytes)) {
        if (pending.size >= limits.notificationsPending) break
        pending.set(`${hint.event} ${hint.subscriptionId} ${hint.clientState}`, hint)
      }
      if (pending.size > 0) looking ??= look()
    },
    async close() {
      ending.abort()
      await looking
    },
  }
}

async function heed(tx: Tx, hints: readonly Hint[], now: number): Promise<void> {
  const ids = [...new Set(hints.map((hint) => hint.subscriptionId))]
  for (const subscription of await queries.findByForeignIds(tx, ids)) {
    const own = hints.filter((hint) => hint.subscriptionId === subscription.foreignId)
    const events = new Set(
      own.filter((hint) => isOurs(hint, subscription)).map(({ event }) => event),
    )
    const { id, model } = subscription
    if (events.has('subscriptionRemoved')) await queries.forgetForeign(tx, id, new Date(now))
    else if (events.has('reauthorizationRequired')) await queries.actAt(tx, id, new Date(now))
    if (events.size === 0) continue
    const dueAt = new Date(now + limits.dueBehindChangeMs)
    const cause = `subscription:${id}`
    await markModelsDue(tx, subscription, [model], { dueAt, cause, actor: microsoft })
  }
}

/** By hashes of one length, so that the time it takes tells nothing of the secret. */
function isOurs(hint: Hint, { clientStateHash }: queries.WatchedModel): boolean {
  if (clientStateHash === null) return false
  return timingSafeEqual(hashOf(hint.clientState), clientStateHash)
}

export function hashOf(clientState: string): Buffer {
  return createHash('sha256').update(clientState).digest()
}
